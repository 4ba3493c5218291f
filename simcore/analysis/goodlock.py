"""`locks(trace)`: the deadlocks that a trace shows to be possible, and the one that it ended in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simcore.analysis.cycles import Found, search
from simcore.analysis.holding import NEVER, Edge, Holding, holding
from simcore.analysis.result import Answer, Cycle, LockInfo, Locks, Request
from simcore.trace.events import ObjectKind
from simcore.trace.model import Trace

_BETWEEN_PROCESSES: Final = frozenset({ObjectKind.PLOCK, ObjectKind.PRLOCK})


def locks(trace: Trace) -> Locks:
    """Look for deadlocks that this run could have ended in, had its actors come at other times.

    The cycle that it did end in comes first, then short ones before long ones, and those whose requests came often before others.
    """
    held = holding(trace)
    # Requests that all still waited at the end stand for a cycle that is there; the same one is not told a second time.
    waiting = {
        edge: late for edge, seen in held.edges.items() if (late := [segment for segment, at in seen.items() if at == NEVER])
    }
    struck = search(waiting, held.segments).cycles
    told = {_places(one) for one in struck}
    found = search(held.edges, held.segments)
    possible = [one for one in found.cycles if _places(one) not in told]
    cycles = [_cycle(trace, held, one, struck=True) for one in struck] + [
        _cycle(trace, held, one, struck=False) for one in possible
    ]
    cycles.sort(key=lambda cycle: (not cycle.struck, len(cycle.requests), -min(one.times for one in cycle.requests)))
    deadlock = bool(trace.ending.deadlock)
    unseen = tuple(_unseen(trace))
    complete = held.complete and not found.ended
    answer = Answer.FOUND if cycles or deadlock else Answer.NONE if complete and not unseen else Answer.INCONCLUSIVE
    return Locks(trace, answer, deadlock, tuple(cycles), held.requests, held.locks, complete, unseen)


def _places(found: Found) -> frozenset[tuple[int, ...]]:
    """By what a cycle is one and the same: its locks and sites."""
    return frozenset(tuple(edge[:4]) for edge, _ in found.parts)


def _cycle(trace: Trace, held: Holding, found: Found, *, struck: bool) -> Cycle:
    requests = (_request(trace, held, edge, segment, held.edges[edge][segment]) for edge, segment in found.parts)
    return Cycle(tuple(requests), struck)


def _request(trace: Trace, held: Holding, edge: Edge, segment: int, position: int) -> Request:
    actor = trace.actors[held.segments.actor[segment]]
    return Request(
        actor.name,
        actor.thread_name,
        _lock(trace, edge.held),
        trace.sites[edge.taken],
        _lock(trace, edge.asked),
        trace.sites[edge.at],
        tuple(_lock(trace, one) for one in sorted(edge.all_held - {edge.held})),
        None if position == NEVER else position,
        held.times[edge.held, edge.asked],
    )


def _lock(trace: Trace, index: int) -> LockInfo:
    info = trace.objects[index]
    return LockInfo(trace.object_names[index], trace.object_labels[index], info.kind, trace.sites[info.site])


def _unseen(trace: Trace) -> Iterator[str]:
    """What may hide a cycle, a phrase each."""
    shared = any(info.kind in _BETWEEN_PROCESSES for info in trace.objects)
    for what in trace.ending.not_controlled:
        # A socket takes no lock; a process that was not recorded may take those that processes share.
        if "native thread" in what or ("child process" in what and shared):
            yield what
    if trace.ending.cut_off:
        yield f"the trace is only a prefix: {trace.ending.cut_off}"
