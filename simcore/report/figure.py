"""A scene in the terms of plotly.js: traces and a layout as plain data. Colours are put in by the page, for light and dark.

plotly reads texts as a little HTML, so every text is escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as _escape
from typing import Any, Final

from simcore.report.scene import MOST_LOCKS, Arrow, Bar, Scene, of_kind
from simcore.trace.text import shorten

LANE_PX: Final = 38
HEADING_PX: Final = 26
MOST_ARROWS: Final = 1500
"""Of more arrows of one kind the first are drawn."""

SHOWN_ARROWS: Final = {"hand-off": 150, "wake": 40, "message": 40, "start": 0, "join": 0}
"""More arrows of one kind than these are hidden until they are asked for in the legend: they would hide what lies below."""

_LONGEST_LINE: Final = 110
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
    """`traces`, each with its `role` for a colour, `layout` and `height`; times are ms since the start of the run."""
    places, height = _places(scene)
    traces = [_bars(kind, of_kind(scene.bars, kind), places) for kind in _NAMES if any(bar.kind == kind for bar in scene.bars)]
    for number in range(MOST_LOCKS):
        bars = of_kind(scene.bars, f"lock{number}")
        if bars:
            traces.append(_locks(f"lock{number}", scene.locks[number], bars, places))
    if others := of_kind(scene.bars, "lock"):
        traces.append(_locks("lock", "holds another lock", others, places))
    if scene.dots:
        traces.append(_dots(scene, places))
    for kind in _ARROW_NAMES:
        if arrows := [arrow for arrow in scene.arrows if arrow.kind == kind]:
            traces.append(_arrows(kind, arrows, places))
    if scene.failed is not None:
        traces.append(_failure(scene, places))
    return {"traces": traces, "layout": _layout(scene, places), "height": height}


def _places(scene: Scene) -> tuple[list[float], int]:
    """Where on the vertical axis each lane lies, in pixels from the top, and how high all of them are."""
    places, top = [], 0.0
    for lane in scene.lanes:
        room = HEADING_PX if lane.actor < 0 else LANE_PX
        places.append(top + room / 2)
        top += room
    return places, round(top)


def escape(text: str) -> str:
    """The text as plotly takes it: it knows the entities of `<`, `>` and `&`, but none of quotes."""
    return _escape(text, quote=False)


def _ms(ns: int) -> float:
    return ns / 1e6


def _told(text: str) -> str:
    return "<br>".join(escape(shorten(line, _LONGEST_LINE)) for line in text.splitlines())


def _bars(kind: str, bars: Sequence[Bar], places: Sequence[float]) -> dict[str, Any]:
    """What actors are at: the upper part of each lane. Running is a thin line, so that waiting stands out."""
    thin = kind in ("runs", "sleeps")
    trace = {
        "type": "bar",
        "orientation": "h",
        "role": kind,
        "name": _NAMES[kind],
        "base": [_ms(bar.since_ns) for bar in bars],
        "x": [_ms(bar.until_ns - bar.since_ns) for bar in bars],
        "y": [places[bar.lane] - 5 for bar in bars],
        "width": 6 if thin else 14,
        "hovertext": [_told(bar.text) for bar in bars],
        "hoverinfo": "text",
        "marker": {"line": {"width": 0}},
    }
    if kind in ("stuck", "deadlock"):
        told = [bar.text.splitlines()[1].rpartition(", ")[0] for bar in bars]
        trace |= {
            "text": [escape(shorten(f"DEADLOCK: {text}" if kind == "deadlock" else text, 90)) for text in told],
            "textposition": "inside",
            "insidetextanchor": "start",
            "constraintext": "none",
            "textfont": {"size": 11, "color": "#ffffff"},
        }
    return trace


def _locks(role: str, name: str, bars: Sequence[Bar], places: Sequence[float]) -> dict[str, Any]:
    """What actors hold: the lower part of each lane, thinner for a lock that was taken while another was held."""
    return {
        "type": "bar",
        "orientation": "h",
        "role": role,
        "name": escape(shorten(name, 60)),
        "base": [_ms(bar.since_ns) for bar in bars],
        "x": [_ms(bar.until_ns - bar.since_ns) for bar in bars],
        "y": [places[bar.lane] + 9 for bar in bars],
        "width": [max(11 - 4 * bar.depth, 2) for bar in bars],
        "hovertext": [_told(bar.text) for bar in bars],
        "hoverinfo": "text",
        "marker": {"line": {"width": 0}},
    }


def _dots(scene: Scene, places: Sequence[float]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "role": "events",
        "name": "events",
        "x": [_ms(dot.at_ns) for dot in scene.dots],
        "y": [places[dot.lane] - 5 for dot in scene.dots],
        "hovertext": [_told(dot.text) for dot in scene.dots],
        "hoverinfo": "text",
        "customdata": [dot.position for dot in scene.dots],
        "marker": {"symbol": "line-ns", "size": 7, "line": {"width": 1}},
    }


def _arrows(kind: str, arrows: Sequence[Arrow], places: Sequence[float]) -> dict[str, Any]:
    """Lines with a point at their end; plotly parts them where a value is missing."""
    drawn = arrows[:MOST_ARROWS]
    x: list[float | None] = []
    y: list[float | None] = []
    texts: list[str] = []
    for arrow in drawn:
        down = 1 if arrow.target > arrow.source else -1
        x += (_ms(arrow.source_ns), _ms(arrow.target_ns), None)
        y += (places[arrow.source] + 5 * down, places[arrow.target] - 5 * down, None)
        texts += ("", _told(arrow.text), "")
    hidden = len(drawn) > SHOWN_ARROWS.get(kind, len(drawn))
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "role": f"flow-{kind}",
        "name": _ARROW_NAMES[kind] + (f" (the first {MOST_ARROWS:,})" if len(arrows) > MOST_ARROWS else ""),
        "x": x,
        "y": y,
        "hovertext": texts,
        "hoverinfo": "text",
        "visible": "legendonly" if hidden else True,
        "line": {"width": 2.5 if kind == "deadlock" else 1.2, "dash": "dot" if kind == "deadlock" else "solid"},
        "marker": {
            "symbol": "arrow",
            "angleref": "previous",
            "size": [0, 13 if kind == "deadlock" else 9, 0] * len(drawn),
            "opacity": [0, 1, 0] * len(drawn),
        },
    }


def _failure(scene: Scene, places: Sequence[float]) -> dict[str, Any]:
    dot = scene.failed
    assert dot is not None
    return {
        "type": "scatter",
        "mode": "markers",
        "role": "failure",
        "name": "FAILED",
        "x": [_ms(dot.at_ns)],
        "y": [places[dot.lane] - 5],
        "hovertext": [_told(dot.text)],
        "hoverinfo": "text",
        "customdata": [dot.position],
        "marker": {"symbol": "x", "size": 13, "line": {"width": 1}},
    }


def _layout(scene: Scene, places: Sequence[float]) -> dict[str, Any]:
    _, height = _places(scene)
    first_ms, last_ms = _ms(scene.window.first_ns), _ms(scene.until_ns)
    room = max((last_ms - first_ms) * 0.01, 1e-4)
    labels = [f"<b>{escape(lane.name)}</b>" if lane.actor < 0 else escape(lane.name) for lane in scene.lanes]
    shapes: list[dict[str, Any]] = []
    for lane, place in zip(scene.lanes, places, strict=True):
        if lane.begins:
            headed = lane.actor < 0
            top = place - (HEADING_PX if headed else LANE_PX) / 2
            bottom = top + HEADING_PX if headed else top + 1
            across: dict[str, Any] = {
                "type": "rect",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": top,
                "y1": bottom,
                "line": {"width": 0},
            }
            shapes.append(across | {"fillcolor": f"rgba(128,128,128,{0.12 if headed else 0.25})", "layer": "below"})
    annotations: list[dict[str, Any]] = []
    if scene.split_ns >= 0:
        at = _ms(scene.split_ns)
        shapes.append(
            {"type": "line", "role": "split", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 2}}
        )
        annotations.append({"x": at, "yref": "paper", "y": 0, "yanchor": "top", "text": "they part here", "showarrow": False})
    return {
        "barmode": "overlay",
        "bargap": 0,
        "hovermode": "closest",
        "dragmode": "zoom",
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        "margin": {"l": 10, "r": 16, "t": 52, "b": 40, "pad": 8},
        "xaxis": {
            "range": [first_ms - room, last_ms + room],
            "ticksuffix": " ms",
            "zeroline": False,
            "side": "top",
            "exponentformat": "none",
            "automargin": True,
        },
        "yaxis": {
            "range": [height, 0],
            "tickmode": "array",
            "tickvals": list(places),
            "ticktext": labels,
            "automargin": True,
            "fixedrange": True,
            "zeroline": False,
            "showgrid": False,
        },
        "shapes": shapes,
        "annotations": annotations,
    }
