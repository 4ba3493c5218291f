"""Comparing two traces: what both have, where they part, and what that means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from operator import ne

from simcore.diffing.causes import SETTING, Causes
from simcore.diffing.meaning import Lane
from simcore.diffing.methods import method_notes, other_methods
from simcore.diffing.objects import GroupOrder, compare_groups, first_reordered, object_diffs, wait_diffs
from simcore.diffing.output import stream_diffs
from simcore.diffing.pairing import Change, Pairing, pair_up
from simcore.diffing.result import ActorDiff, Diff, Run, Setting, Split
from simcore.diffing.returned import compare_results
from simcore.diffing.sentence import split
from simcore.diffing.settings import settings
from simcore.diffing.shapes import Shapes
from simcore.diffing.sidelights import Paired, input_diffs, notes, place_notes, same_outcome
from simcore.diffing.spans import by_events, by_spans, minor
from simcore.diffing.tables import Tables
from simcore.diffing.taken import Taken, taken_by_others
from simcore.trace.events import ObjectKind, Verdict
from simcore.trace.model import Trace
from simcore.trace.text import path_key


def diff(a: Trace, b: Trace) -> Diff:
    """How the run of trace B differs from that of trace A; `simcore.diffing.meaning` says what counts as a difference.

    Takes a few seconds and some 100 MB for a million events. Neither trace is changed. Raises: TypeError for anything else.
    """
    for trace in (a, b):
        if not isinstance(trace, Trace):
            raise TypeError(f"diff compares two traces, not a {type(trace).__name__}: load a file with Trace.load(path)")
    set_up = settings(a, b)
    by = "events" if minor(a) == minor(b) and not other_methods(a, b) else "spans"
    operations: dict[str, int] = {}
    tables = Tables(*(by_events(trace) if by == "events" else by_spans(trace, operations) for trace in (a, b)))
    found = _compared(tables, by, set_up, operations, left_out=tables.lone)
    if tables.lone and found.order is not Verdict.DIFFERENT and a.header.scenario.granularity == b.header.scenario.granularity:
        # That a place is in one of them only is a difference, if there is no other that it follows from.
        found = _compared(tables, by, set_up, operations, left_out=frozenset())
    return found


def _compared(tables: Tables, by: str, set_up: list[Setting], operations: dict[str, int], *, left_out: frozenset[int]) -> Diff:
    """The answer, without the events on objects that are left out."""
    a, b = tables.told_a.recorded, tables.told_b.recorded
    shapes = Shapes(tables.waiters, tables.children, left_out)
    pairing = pair_up(tables, shapes)
    taken = taken_by_others(tables, pairing, shapes, operations) if set_up else {}
    compare_results(pairing, shapes, tables, _shared_out(taken))
    orders = compare_groups(pairing, shapes)
    for group in orders:
        group.reordered = group.reordered or (group.group in taken and taken[group.group].is_order)
    streams = stream_diffs(tables, pairing.a, pairing.b)
    paired = Paired(tables, pairing)
    output_differs = any(stream.state != "same" for stream in streams)
    parts = _Parts(tables, shapes, pairing, orders, taken, output_differs=output_differs, set_up_alike=not set_up)
    objects, private = object_diffs(tables, orders)
    actors = _actor_diffs(tables, pairing, parts.causes)
    outcome_same = same_outcome(a, b)
    order, verdict = _verdicts(parts, outcome_same=outcome_same, output_same=not output_differs)
    return Diff(
        verdict=verdict,
        order=order,
        compared=by,
        same_outcome=outcome_same,
        same_output=not output_differs,
        settings=tuple(set_up),
        a=_run(a, "A", sum(1 for one in actors if one.events_a), sum(one.hand_offs_a for one in objects if one.kind in _HANDED)),
        b=_run(b, "B", sum(1 for one in actors if one.events_b), sum(one.hand_offs_b for one in objects if one.kind in _HANDED)),
        split=parts.split() if verdict is Verdict.DIFFERENT else None,
        setting_split=parts.setting_split() if verdict is Verdict.DIFFERENT else None,
        actors=tuple(actors),
        objects=tuple(objects),
        private_objects=private,
        waiting=tuple(wait_diffs(tables)),
        output=tuple(streams),
        inputs=tuple(input_diffs(tables, shapes, pairing)),
        moved=tuple(paired.moved(tables)),
        total_order_same=paired.in_order,
        times_differ_ns=paired.times_differ_ns(),
        notes=(*notes(a, b), *method_notes(tables), *place_notes(tables, left_out)),
        trace_a=a,
        trace_b=b,
    )


_HANDED = frozenset(
    {
        *(
            ObjectKind.LOCK,
            ObjectKind.RLOCK,
            ObjectKind.SEMAPHORE,
            ObjectKind.CONDITION,
            ObjectKind.QUEUE,
            ObjectKind.SIMPLEQUEUE,
        ),
        *(ObjectKind.PLOCK, ObjectKind.PRLOCK, ObjectKind.PSEMAPHORE, ObjectKind.PQUEUE, ObjectKind.SHARED),
    }
)


class _Parts:
    """The places where two traces part. What only lacks its end in a trace that is cut off is no such place."""

    def __init__(
        self,
        tables: Tables,
        shapes: Shapes,
        pairing: Pairing,
        orders: list[GroupOrder],
        taken: dict[int, Taken],
        *,
        output_differs: bool,
        set_up_alike: bool,
    ) -> None:
        self.tables, self.pairing = tables, pairing
        self.cut_a, self.cut_b = bool(tables.a.ending.cut_off), bool(tables.b.ending.cut_off)
        self.set_up_alike = set_up_alike
        reordered = {} if set_up_alike else dict(_parted(pairing, orders, taken))
        self.causes = Causes(tables, pairing, shapes, reordered, shared_out=_shared_out(taken), set_up_alike=set_up_alike)
        self.steps: list[Change] = []
        self.set_otherwise: list[Change] = []
        self.unsure: list[Change] = []
        for actor, change in pairing.steps.items():
            if not self._real(change):
                continue
            own = self.causes.own(actor, change)
            if own is None and all(one.is_order for one in taken.values()):
                continue  # another order is all that there is to it
            self.steps.append(own or change)
            if self.causes.of(actor, change) == SETTING:
                self.set_otherwise.append(self.steps[-1])
            elif own is not change or (not set_up_alike and self.causes.stopped(actor, change)):
                self.unsure.append(self.steps[-1])
        self.writes = [change for change in pairing.writes.values() if self._real(change)] if output_differs else []
        self.orders: list[tuple[int, int]] = []
        for order in orders:
            # One write more shifts the stream, which is a matter of output: there the order of common writes decides.
            # One operation more because of another setting shifts its object in the same way.
            place = order.parts
            if shapes.lane_of_group[order.group] == Lane.WRITE or not set_up_alike:
                place = _first_in_order(pairing, order, taken)
            if place is not None:
                self.orders.append(place)
        self.unknown = (self.cut_a or self.cut_b) and not (self.cut_a and self.cut_b and not pairing.steps and not pairing.writes)

    def _real(self, change: Change) -> bool:
        return not ((change.cut == 1 and self.cut_a) or (change.cut == 2 and self.cut_b))

    def split(self) -> Split | None:
        """The earliest of all places: what is a consequence of another comes after it in both traces.

        Of runs that were set up in other ways the earliest that does not follow from that, where there is one. What they wrote
        comes after all else there: one that logs where the other does not goes on with the same operations.
        """
        steps = [one for one in self.steps if one not in self.set_otherwise and one not in self.unsure]
        if self.set_up_alike:
            tries = [self._candidates(self.orders, steps, self.writes)]
        else:
            tries = [
                self._candidates(self.orders, steps, []),
                self._candidates([], self.steps, []),
                self._candidates([], [], self.writes),
            ]
        found = next((place for one in tries if (place := min(one, default=None)) is not None), None)
        return None if found is None else self._told(found)

    def setting_split(self) -> Split | None:
        """The earliest place at which another setting made an actor do something else."""
        found = min(self._candidates([], self.set_otherwise, []), default=None)
        return None if found is None else self._told(found)

    def _told(self, found: tuple[int, int, int, int, int]) -> Split:
        *_, rank, place_a, place_b = found
        a, b = self.tables.a, self.tables.b
        position_a, position_b = place_a if place_a < len(a) else None, place_b if place_b < len(b) else None
        why = ("order", "actor", "output")[rank]
        if why == "actor" and position_a is not None and self.pairing.back[position_a] == position_b:
            why = "result"
        return split(why, self.tables.told_a, position_a, self.tables.told_b, position_b)

    def _candidates(
        self, orders: list[tuple[int, int]], steps: list[Change], writes: list[Change]
    ) -> Iterator[tuple[int, int, int, int, int]]:
        """Per place: its earlier position, the sum of both, what it is, both positions.

        Where an actor does nothing more, the place is the end of the trace.
        """
        places: list[tuple[int, int | None, int | None]] = [(0, *place) for place in orders]
        for rank, changes in ((1, steps), (2, writes)):
            places += [(rank, *change.first) for change in changes if change.first]
        for rank, place_a, place_b in places:
            p = len(self.tables.a) if place_a is None else place_a
            q = len(self.tables.b) if place_b is None else place_b
            yield min(p, q), p + q, rank, p, q


def _first_in_order(pairing: Pairing, order: GroupOrder, taken: dict[int, Taken]) -> tuple[int, int] | None:
    """The first place in A and in B at which common operations of a group come in another order, or another actor takes."""
    place = first_reordered(pairing, order.group) if order.reordered else None
    places = [place] if place is not None else []
    if order.group in taken and taken[order.group].is_order:
        places.append(taken[order.group].place)
    return min(places, key=min, default=None)


def _parted(pairing: Pairing, orders: list[GroupOrder], taken: dict[int, Taken]) -> Iterator[tuple[int, tuple[int, int]]]:
    """The same per group, and where others take from it but not as much in all: what follows may follow from that."""
    for order in orders:
        place = _first_in_order(pairing, order, taken)
        if order.group in taken:
            place = min(place or taken[order.group].place, taken[order.group].place, key=min)
        if place is not None:
            yield order.group, place


def _shared_out(taken: dict[int, Taken]) -> frozenset[int]:
    return frozenset[int]().union(*(one.shapes for one in taken.values()))


def _verdicts(parts: _Parts, *, outcome_same: bool, output_same: bool) -> tuple[Verdict, Verdict]:
    """The answers for order and results, and for everything."""
    if parts.orders or parts.steps:
        return Verdict.DIFFERENT, Verdict.DIFFERENT
    cut = parts.cut_a or parts.cut_b
    order = Verdict.INCONCLUSIVE if parts.unknown else Verdict.SAME
    if parts.writes or (not cut and not (outcome_same and output_same)):
        return order, Verdict.DIFFERENT
    return order, order if outcome_same and output_same else Verdict.INCONCLUSIVE


def _run(trace: Trace, letter: str, actors: int, hand_offs: int) -> Run:
    ending = trace.ending
    known = 0 < ending.error_site < len(trace.sites)
    return Run(
        name=trace.path.name if trace.path is not None else letter,
        events=len(trace),
        actors=actors,
        outcome=ending.outcome,
        exit_code=ending.exit_code,
        error=ending.error,
        error_site=trace.sites[ending.error_site if known else 0],
        cut_off=ending.cut_off,
        switches=sum(map(ne, trace.columns.actor, trace.columns.actor[1:])),
        hand_offs=hand_offs,
        duration_ns=ending.duration_ns,
    )


def _actor_diffs(tables: Tables, pairing: Pairing, causes: Causes) -> list[ActorDiff]:
    """Every actor that did something in either run, each before those that it created."""
    events_a, events_b = Counter(pairing.a.actor), Counter(pairing.b.actor)
    result = []
    for actor in sorted({**events_a, **events_b}, key=lambda actor: (path_key(tables.actor(actor).name), actor)):
        info = tables.actor(actor)
        change = pairing.steps.get(actor)
        state = "added" if not events_a[actor] else "missing" if not events_b[actor] else "changed" if change else "same"
        cause = causes.of(actor, change) if change is not None else ""
        own = causes.own(actor, change) if change is not None else None
        change, own = change or Change(), own or Change()
        numbers = (events_a[actor], events_b[actor], change.only_a, change.only_b, change.other)
        first_a, first_b = change.first or (None, None)
        first_a, first_b = tables.told_a.place(first_a), tables.told_b.place(first_b)
        own_numbers = (own.only_a, own.only_b, own.other)
        result.append(
            ActorDiff(info.name, info.thread_name, state, *numbers, first_a, first_b, change.exact, cause, *own_numbers)
        )
    return result
