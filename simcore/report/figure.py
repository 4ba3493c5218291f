"""A scene as plain data for the page's script: layers of bars, dots and arrows, with their places. Colours are the page's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from simcore.report.scene import MOST_LOCKS, Arrow, Bar, Scene, of_kind
from simcore.trace.text import shorten

LANE_PX: Final = 36
HEADING_PX: Final = 26
MOST_ARROWS: Final = 2000
"""Of more arrows of one kind the first are drawn."""

SHOWN_ARROWS: Final = {"hand-off": 150, "wake": 40, "message": 40, "start": 0, "join": 0}
"""More arrows of one kind than these are hidden until they are asked for in the key: they would hide what lies below."""

_LONGEST_LINE: Final = 140
_NAMES: Final = {
    "runs": "runs",
    "sleeps": "sleeps",
    "waits": "waits",
    "joins": "waits for a thread or process to end",
    "stuck": "waits, and never got it",
    "deadlock": "DEADLOCK",
}
_ARROW_NAMES: Final = {
    "hand-off": "hand-off of a lock",
    "wake": "wake-up",
    "message": "message",
    "start": "start",
    "join": "join",
    "deadlock": "waits for",
}


def figure(scene: Scene) -> dict[str, Any]:
    """What is drawn. Times are ms since the start of the run, places on the vertical axis pixels from its top."""
    places, height = _places(scene)
    layers = [_bars(kind, _NAMES[kind], of_kind(scene.bars, kind), places) for kind in _NAMES]
    layers += [
        _bars(f"lock{number}", name, of_kind(scene.bars, f"lock{number}"), places)
        for number, name in enumerate(scene.locks[:MOST_LOCKS])
    ]
    layers.append(_bars("lock", "holds another lock", of_kind(scene.bars, "lock"), places))
    layers.append(_dots(scene, places))
    layers += [_arrows(kind, [arrow for arrow in scene.arrows if arrow.kind == kind], places) for kind in _ARROW_NAMES]
    if scene.failed is not None:
        layers.append(_failure(scene, places))
    first_ms, last_ms = _ms(scene.window.first_ns), _ms(scene.until_ns)
    room = max((last_ms - first_ms) * 0.01, 1e-4)
    return {
        "height": max(height, LANE_PX),
        "range": [first_ms - room, last_ms + room],
        "lanes": [{"y": place, "name": lane.name} for lane, place in zip(scene.lanes, places, strict=True)],
        "processes": list(_processes(scene, places)),
        "split": _ms(scene.split_ns) if scene.split_ns >= 0 else None,
        "layers": [layer for layer in layers if layer["text"]],
    }


def _places(scene: Scene) -> tuple[list[float], int]:
    """Where on the vertical axis each lane lies, in pixels from the top, and how high all of them are."""
    places, top = [], 0.0
    for lane in scene.lanes:
        room = HEADING_PX if lane.actor < 0 else LANE_PX
        places.append(top + room / 2)
        top += room
    return places, round(top)


def _processes(scene: Scene, places: Sequence[float]) -> Any:
    """Where processes begin: a band behind a heading, else a line."""
    for lane, place in zip(scene.lanes, places, strict=True):
        if lane.begins:
            top = place - (HEADING_PX if lane.actor < 0 else LANE_PX) / 2
            yield {"top": top, "bottom": top + HEADING_PX if lane.actor < 0 else top + 1}


def _ms(ns: int) -> float:
    return ns / 1e6


def _told(text: str) -> str:
    return "\n".join(shorten(line, _LONGEST_LINE) for line in text.splitlines())


def _bars(kind: str, name: str, bars: Sequence[Bar], places: Sequence[float]) -> dict[str, Any]:
    """What actors are at is the upper part of a lane, what they hold the lower one, thinner for a lock that was taken while
    another was held. Running is a thin line, so that waiting stands out."""
    holds = kind.startswith("lock")
    half = 3.0 if kind in ("runs", "sleeps") else 7.0
    layer = {
        "kind": "bars",
        "role": kind,
        "name": name,
        "left": [_ms(bar.since_ns) for bar in bars],
        "right": [_ms(bar.until_ns) for bar in bars],
        "y": [places[bar.lane] + (10 if holds else -5) for bar in bars],
        "half": [max(5.5 - 2 * bar.depth, 1) if holds else half for bar in bars],
        "text": [_told(bar.text) for bar in bars],
    }
    if kind in ("stuck", "deadlock"):
        told = (bar.text.splitlines()[1].rpartition(", ")[0] for bar in bars)
        layer["label"] = [shorten(f"DEADLOCK: {text}" if kind == "deadlock" else text, 60) for text in told]
    return layer


def _dots(scene: Scene, places: Sequence[float]) -> dict[str, Any]:
    return {
        "kind": "dots",
        "role": "events",
        "name": "events",
        "x": [_ms(dot.at_ns) for dot in scene.dots],
        "y": [places[dot.lane] - 5 for dot in scene.dots],
        "position": [dot.position for dot in scene.dots],
        "text": [_told(dot.text) for dot in scene.dots],
    }


def _arrows(kind: str, arrows: Sequence[Arrow], places: Sequence[float]) -> dict[str, Any]:
    drawn = arrows[:MOST_ARROWS]
    down = [1 if arrow.target > arrow.source else -1 for arrow in drawn]
    return {
        "kind": "arrows",
        "role": f"flow-{kind}",
        "name": _ARROW_NAMES[kind] + (f" (the first {MOST_ARROWS:,})" if len(arrows) > MOST_ARROWS else ""),
        "hidden": len(drawn) > SHOWN_ARROWS.get(kind, len(drawn)),
        "x0": [_ms(arrow.source_ns) for arrow in drawn],
        "y0": [places[arrow.source] + 4 * way for arrow, way in zip(drawn, down, strict=True)],
        "x1": [_ms(arrow.target_ns) for arrow in drawn],
        "y1": [places[arrow.target] - 4 * way for arrow, way in zip(drawn, down, strict=True)],
        "text": [_told(arrow.text) for arrow in drawn],
    }


def _failure(scene: Scene, places: Sequence[float]) -> dict[str, Any]:
    dot = scene.failed
    assert dot is not None
    return {
        "kind": "cross",
        "role": "failure",
        "name": "FAILED",
        "x": [_ms(dot.at_ns)],
        "y": [places[dot.lane] - 5],
        "position": [dot.position],
        "text": [_told(dot.text)],
    }
