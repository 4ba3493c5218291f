"""Per object: who did what to it in which order, in A and in B, and how long they waited."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from operator import gt, ne

from simcore.diffing.align import out_of_place
from simcore.diffing.pairing import Pairing, Side
from simcore.diffing.result import ObjectDiff, WaitDiff
from simcore.diffing.shapes import Shapes
from simcore.diffing.spans import SpanIndex, Told
from simcore.diffing.tables import Tables
from simcore.trace.events import Kind, ObjectKind
from simcore.trace.words import runner_actors

UNHANDED = frozenset(
    {
        *(ObjectKind.STREAM, ObjectKind.THREAD, ObjectKind.CHILD),
        *(ObjectKind.IMPORTS, ObjectKind.NONE, ObjectKind.PROCESS, ObjectKind.CLOCK),
    }
)
"""Kinds whose changes of actor are not told as hand-offs: the start and join of a thread or process are in every run alike."""


@dataclass(slots=True)
class GroupOrder:
    """The order of one group, compared. `parts` are the positions in A and B of the first operations that differ, place by place,
    while both go on; `reordered` says that operations which both have come in another order."""

    group: int
    obj: int
    text: int
    operations_a: int
    operations_b: int
    hand_offs_a: int
    hand_offs_b: int
    compared: int
    reversed: int
    moved: int
    parts: tuple[int, int] | None
    reordered: bool
    private: bool


def compare_groups(pairing: Pairing, shapes: Shapes) -> list[GroupOrder]:
    """The orders of all groups that either trace has, in the order of their first use."""
    both = {**pairing.a.groups, **pairing.b.groups}
    is_take = [kind == Kind.ACQUIRE for kind in shapes.kind]
    return [_compare(pairing, shapes, group, is_take) for group in both]


_EMPTY = array("i")


def _compare(pairing: Pairing, shapes: Shapes, group: int, is_take: Sequence[bool]) -> GroupOrder:
    a, b = pairing.a, pairing.b
    did_a, did_b = a.groups.get(group, _EMPTY), b.groups.get(group, _EMPTY)
    twins = array("i", map(pairing.twin.__getitem__, did_b))
    takes_a = _takes(a, did_a, is_take)
    actors_a = list(map(a.actor.__getitem__, takes_a))
    hand_offs_a = _changes(actors_a)
    obj, text = shapes.groups[group]
    if did_a.tobytes() == twins.tobytes():
        private = not hand_offs_a and len(set(map(a.actor.__getitem__, did_a))) == 1
        numbers = (len(did_a), len(did_b), hand_offs_a, hand_offs_a, hand_offs_a, 0, 0)
        return GroupOrder(group, obj, text, *numbers, None, reordered=False, private=private)
    hand_offs_b = _changes(list(map(b.actor.__getitem__, _takes(b, did_b, is_take))))
    index = next((index for index, (p, q) in enumerate(zip(did_a, twins, strict=False)) if p != q), None)
    order = _in_b(pairing, did_a)
    takes = order if takes_a is did_a else _in_b(pairing, takes_a)
    return GroupOrder(
        group,
        obj,
        text,
        len(did_a),
        len(did_b),
        hand_offs_a,
        hand_offs_b,
        _changes(list(map(b.actor.__getitem__, takes))),
        # Operations of one actor never change places, so every descent is between two actors.
        sum(map(gt, takes, islice(takes, 1, None))),
        out_of_place(takes),
        None if index is None else (did_a[index], did_b[index]),
        reordered=any(map(gt, order, islice(order, 1, None))),
        private=False,
    )


def _takes(side: Side, positions: array[int], is_take: Sequence[bool]) -> array[int]:
    """The operations among which hand-offs are counted: of a lock its acquisitions, of other things all."""
    takes = array("i", compress(positions, map(is_take.__getitem__, map(side.shape.__getitem__, positions))))
    return takes if takes and len(takes) < len(positions) else positions


def _in_b(pairing: Pairing, positions: array[int]) -> list[int]:
    """The positions in B of those of these events that B has."""
    return [position for position in map(pairing.back.__getitem__, positions) if position >= 0]


def _changes(actors: Sequence[int]) -> int:
    return sum(map(ne, actors, islice(actors, 1, None)))


def first_reordered(pairing: Pairing, group: int) -> tuple[int, int] | None:
    """Of the operations that both runs have: the positions in A and in B of the first that are not each other's twin."""
    order = _in_b(pairing, pairing.a.groups.get(group, _EMPTY))
    for came, should in zip(sorted(order), order, strict=True):
        if came != should:
            return pairing.twin[should], came
    return None


def object_diffs(tables: Tables, orders: Iterable[GroupOrder]) -> tuple[list[ObjectDiff], int]:
    """The objects worth telling, those that differ most first, and how many others there are."""
    told: list[ObjectDiff] = []
    private = 0
    for order in orders:
        if order.private:
            private += 1
            continue
        known = tables.thing(order.obj)
        if known.kind in UNHANDED and not order.reordered and order.parts is None and order.operations_a == order.operations_b:
            continue
        label = known.label if order.text < 0 else f"import of {tables.text(order.text)}"
        changed = order.operations_a != order.operations_b or (order.parts is not None and not order.reordered)
        state = "reordered" if order.reordered else "changed" if changed else "same"
        first_a, first_b = order.parts or (None, None)
        told.append(
            ObjectDiff(
                *(known.name, label, known.kind, known.site, state),
                *(order.operations_a, order.operations_b, order.hand_offs_a, order.hand_offs_b),
                *(order.compared, order.reversed, order.moved),
                *(tables.told_a.place(first_a), tables.told_b.place(first_b)),
            )
        )
    told.sort(key=lambda one: (one.state == "same", -one.reversed, -one.moved, -one.hand_offs_a, one.name))
    return told, private


def wait_diffs(tables: Tables) -> list[WaitDiff]:
    """Waiting per object, where there was any; the largest change first. Sleeping is none. A thread is called by its actor."""
    waits_a = _waits(tables.told_a, tables.object_a)
    waits_b = _waits(tables.told_b, tables.object_b)
    actors = {tables.object_b[thread]: tables.b.actors[actor].name for thread, actor in runner_actors(tables.b).items()}
    actors |= {thread: tables.a.actors[actor].name for thread, actor in runner_actors(tables.a).items()}
    result = []
    for obj in {**waits_a, **waits_b}:
        known = tables.thing(obj)
        total_a, longest_a, number_a = waits_a.get(obj, (0, 0, 0))
        total_b, longest_b, number_b = waits_b.get(obj, (0, 0, 0))
        times = (total_a * 1000, total_b * 1000, longest_a * 1000, longest_b * 1000)
        result.append(WaitDiff(known.name, actors.get(obj, known.label), known.kind, *times, number_a, number_b))
    return sorted(result, key=lambda one: (-abs(one.total_a_ns - one.total_b_ns), one.name))


def _waits(told: Told, numbers: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """Per object total and longest wait in us, and their number."""
    trace = told.recorded
    c = trace.columns
    index: SpanIndex | None = None
    found: dict[int, tuple[int, int, int]] = {}
    for position in compress(range(len(c)), c.waited_us):
        obj, kind, waited = c.object[position], c.kind[position], c.waited_us[position]
        if kind in (Kind.SLEEP, Kind.PAUSE):
            continue
        if trace.objects[obj].kind is ObjectKind.WAITER or told.places is not None:
            # The programmer waits for a condition, not for the lock that is made for each wait.
            index = index or SpanIndex(trace)
            span = index.at(c.actor[position], position)
            obj = span.object if span is not None else obj
        if told.compares(obj):
            total, longest, number = found.get(numbers[obj], (0, 0, 0))
            found[numbers[obj]] = (total + waited, max(longest, waited), number + 1)
    return found
