"""`simcore show --timeline`, `--by-object` and `--stats`: what became of the time of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simcore.cli import console

if TYPE_CHECKING:
    from simcore.analysis.stretches import Stretches
    from simcore.trace.model import Trace
    from simcore.views.events import Selection
    from simcore.views.window import Window


def show_figures(trace: Trace, selection: Selection, view: str, *, everything: bool, as_json: bool) -> None:
    """Print one view of the selected part: `actors`, `objects` (the two timelines) or `stats`."""
    from simcore.analysis.stretches import Stretches
    from simcore.views.window import window_of

    stretches = Stretches(trace)
    window = window_of(stretches, selection)
    if as_json:
        _show_json(stretches, window, view)
        return
    from rich.text import Text

    from simcore.views.actor_chart import ActorChart
    from simcore.views.object_chart import ObjectChart
    from simcore.views.stats import Stats
    from simcore.views.summary import title
    from simcore.views.usage import Usage

    part = "" if (selection.first, selection.last) == (0, len(trace) - 1) else f"@{selection.first}..@{selection.last}"
    head = title(trace, part)
    if view == "stats":
        console.answer(head, Text(), Stats(Usage(stretches, window), everything=everything))
        return
    chart = ActorChart if view == "actors" else ObjectChart
    console.answer(head, chart(stretches, window, everything=everything))


def _show_json(stretches: Stretches, window: Window, view: str) -> None:
    from simcore.views.usage import Usage

    if view == "stats":
        console.answer_json(Usage(stretches, window).facts())
        return
    facts: dict[str, object] = {"first_ns": window.first_ns, "last_ns": window.last_ns}
    rows = _stretch_facts(stretches, window) if view == "actors" else _hold_facts(stretches, window)
    console.answer_json_list(facts, "stretches" if view == "actors" else "holds", rows)


def _stretch_facts(stretches: Stretches, window: Window) -> Iterator[dict[str, object]]:
    trace = stretches.trace
    for actor in window.actors:
        for since_ns, until_ns, state in stretches.of_actor(actor, window.first_ns, window.last_ns):
            yield {
                "actor": trace.actors[actor].name,
                "state": state.mode.name.lower(),
                "waits_for": trace.object_names[state.object] if state.object >= 0 else None,
                "holds": [trace.object_names[thing] for thing in state.held],
                "since_ns": since_ns,
                "until_ns": until_ns,
            }


def _hold_facts(stretches: Stretches, window: Window) -> Iterator[dict[str, object]]:
    trace = stretches.trace
    for thing, holds in stretches.holds.items():
        if window.objects is not None and thing not in window.objects:
            continue
        for number in holds.within(window.first_ns, window.last_ns):
            if holds.actor[number] in window.actors:
                yield {
                    "object": trace.object_names[thing],
                    "actor": trace.actors[holds.actor[number]].name,
                    "position": holds.position[number],
                    "since_ns": holds.since_ns[number],
                    "until_ns": holds.until_ns[number],
                }
