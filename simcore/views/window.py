"""The part of a run that a timeline or its figures are about: a time, actors, objects."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from simcore.analysis.stretches import Stretches
from simcore.views.events import Selection


class Window(NamedTuple):
    """A time (ns, both ends included), its actors, and the objects that were asked for, None for those that matter."""

    first_ns: int
    last_ns: int
    actors: Sequence[int]
    objects: Collection[int] | None = None


def window_of(stretches: Stretches, selection: Selection) -> Window:
    """The window that a selection of events means. To its last event belongs how the run went on to its end, where it is the last
    of the trace. With objects and no actors, it has the actors that used one of them."""
    trace = stretches.trace
    if not len(trace):
        return Window(0, 1, (), selection.objects)
    at_ns, last = trace.columns.at_ns, len(trace) - 1
    first_ns = at_ns[selection.first] if selection.first > 0 else min(starts[0] for starts in stretches.starts if starts)
    last_ns = at_ns[selection.last] if selection.last < last else max(stretches.ends)
    actors: Collection[int] = range(len(trace.actors))
    if selection.actors is not None:
        actors = selection.actors
    elif selection.objects is not None:
        rows = slice(selection.first, selection.last + 1)
        used = zip(trace.columns.object[rows], trace.columns.actor[rows], strict=True)
        actors = {actor for thing, actor in used if thing in selection.objects}
        actors |= {
            wait.actor
            for wait in stretches.waits
            if wait.object in selection.objects and wait.since_ns <= last_ns and wait.until_ns >= first_ns
        }
    return Window(first_ns, max(last_ns, first_ns + 1), tuple(sorted(actors)), selection.objects)
