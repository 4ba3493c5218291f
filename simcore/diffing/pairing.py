"""Which event of A is which event of B: actor by actor, in program order.

An actor that did the same in both runs is paired step by step. Only where its own sequence changed is an alignment searched.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import ne

from simcore.diffing.align import Block, Budget, align
from simcore.diffing.meaning import Lane
from simcore.diffing.shapes import Shapes
from simcore.diffing.tables import Tables, translated
from simcore.trace.events import Kind
from simcore.trace.model import Trace


@dataclass(slots=True)
class Side:
    """One trace, its columns in the common numbering, and the positions of its events per actor and per ordering group."""

    trace: Trace
    actor: array[int]
    shape: array[int]
    steps: dict[int, array[int]] = field(default_factory=dict)
    writes: dict[int, array[int]] = field(default_factory=dict)
    groups: dict[int, array[int]] = field(default_factory=dict)

    def sort_in(self, shapes: Shapes, actors: int) -> None:
        """Fill the positions, each list in the order of the trace. `actors` is how many there are in both traces."""
        steps = [array("i") for _ in range(actors)]
        writes = [array("i") for _ in range(actors)]
        groups = [array("i") for _ in shapes.groups]
        add_step, add_write, add_group = ([one.append for one in home] for home in (steps, writes, groups))
        lanes, orders = map(shapes.lane.__getitem__, self.shape), map(shapes.group.__getitem__, self.shape)
        for position, (actor, lane, group) in enumerate(zip(self.actor, lanes, orders, strict=True)):
            if not lane:
                add_step[actor](position)
            elif lane == Lane.WRITE:
                add_write[actor](position)
            if group >= 0:
                add_group[group](position)
        self.steps, self.writes, self.groups = (
            {number: positions for number, positions in enumerate(home) if positions} for home in (steps, writes, groups)
        )


@dataclass(slots=True)
class Change:
    """How one actor's sequence differs. Counts of events without a counterpart and of pairs with another result.

    `first` holds the positions in A and in B of its first event that differs, None where the actor had ended. `cut` says that
    one sequence is the beginning of the other: 1 when A's is the shorter, 2 when B's is.
    """

    only_a: int = 0
    only_b: int = 0
    other: int = 0
    first: tuple[int | None, int | None] | None = None
    cut: int = 0
    exact: bool = True

    def note(self, position_a: int | None, position_b: int | None) -> None:
        """Take this pair as the first that differs, if it is earlier in A or, past A's end, in B."""
        if self.first is None or _earlier((position_a, position_b), self.first):
            self.first = (position_a, position_b)


def _earlier(one: tuple[int | None, int | None], other: tuple[int | None, int | None]) -> bool:
    far = float("inf")
    return (far if one[0] is None else one[0], far if one[1] is None else one[1]) < (
        far if other[0] is None else other[0],
        far if other[1] is None else other[1],
    )


@dataclass(slots=True)
class Pairing:
    """`twin[b]` is the position in A of the event at `b` in B, or -1; `back[a]` the other way round.

    `steps` and `writes` have the actors, by common number, whose sequences differ.
    """

    a: Side
    b: Side
    twin: array[int]
    back: array[int]
    steps: dict[int, Change] = field(default_factory=dict)
    writes: dict[int, Change] = field(default_factory=dict)


def pair_up(tables: Tables, shapes: Shapes) -> Pairing:
    """Pair the events of two traces."""
    trace_a, trace_b = tables.a, tables.b
    a = Side(trace_a, trace_a.columns.actor, shapes.of(trace_a.columns, tables.object_a, tables.actor_a, tables.text_a))
    b = Side(
        trace_b,
        translated(trace_b.columns.actor, tables.actor_b),
        shapes.of(trace_b.columns, tables.object_b, tables.actor_b, tables.text_b),
    )
    a.sort_in(shapes, tables.actors)
    b.sort_in(shapes, tables.actors)
    pairing = Pairing(a, b, array("i", repeat(-1, len(trace_b))), array("i", repeat(-1, len(trace_a))))
    changed: list[tuple[dict[int, Change], int, array[int], array[int]]] = []
    for lane_a, lane_b, changes in ((a.steps, b.steps, pairing.steps), (a.writes, b.writes, pairing.writes)):
        for actor in {**lane_a, **lane_b}:
            places_a, places_b = lane_a.get(actor, _EMPTY), lane_b.get(actor, _EMPTY)
            if not _pair_equal(pairing, places_a, places_b):
                changed.append((changes, actor, places_a, places_b))
    left = EFFORT
    for number, (changes, actor, places_a, places_b) in enumerate(changed):
        budget = Budget(share := left // (len(changed) - number))
        changes[actor] = _pair_changed(pairing, shapes, places_a, places_b, budget)
        left -= share - max(budget.steps, 0)
    _compare_results(pairing, shapes, tables)
    return pairing


EFFORT = 600_000
"""So many steps of search the alignments of one diff may take together; what one actor does not need is left to the next."""

_EMPTY = array("i")


def _pair_equal(pairing: Pairing, places_a: array[int], places_b: array[int]) -> bool:
    """Pair one actor's events of one lane if it did the same in both runs; False if it did not."""
    if len(places_a) != len(places_b) or any(map(ne, *_did(pairing, places_a, places_b))):
        return False
    twin, back = pairing.twin, pairing.back
    for p, q in zip(places_a, places_b, strict=True):
        back[p] = q
        twin[q] = p
    return True


def _did(pairing: Pairing, places_a: array[int], places_b: array[int]) -> tuple[array[int], array[int]]:
    return array("I", map(pairing.a.shape.__getitem__, places_a)), array("I", map(pairing.b.shape.__getitem__, places_b))


def _pair_changed(pairing: Pairing, shapes: Shapes, places_a: array[int], places_b: array[int], budget: Budget) -> Change:
    """Pair what can be paired of an actor's events of one lane."""
    twin, back = pairing.twin, pairing.back
    did_a, did_b = _did(pairing, places_a, places_b)
    change = Change()
    blocks, change.exact = align(did_a, did_b, budget)
    x = y = 0
    for block in [*blocks, Block(len(did_a), len(did_b), 0)]:
        while x < block.a and y < block.b and shapes.loose[did_a[x]] == shapes.loose[did_b[y]]:
            change.other += 1
            if shapes.group[did_a[x]] == shapes.group[did_b[y]]:
                back[places_a[x]], twin[places_b[y]] = places_b[y], places_a[x]
            x, y = x + 1, y + 1
        change.only_a += block.a - x
        change.only_b += block.b - y
        x, y = block.a + block.length, block.b + block.length
        for p, q in zip(places_a[block.a : x], places_b[block.b : y], strict=True):
            back[p] = q
            twin[q] = p
    same = blocks[0].length if blocks and blocks[0].a == blocks[0].b == 0 else 0
    change.first = (
        places_a[same] if same < len(places_a) else None,
        places_b[same] if same < len(places_b) else None,
    )
    if same == min(len(did_a), len(did_b)):
        change.cut = 1 if same == len(did_a) else 2
    return change


def _compare_results(pairing: Pairing, shapes: Shapes, tables: Tables) -> None:
    """Note pairs of equal events that returned something else: another item, another number."""
    a, b = pairing.a, pairing.b
    values_a, values_b = a.trace.columns.value, b.trace.columns.value
    objects_a, objects_b = a.trace.columns.object, b.trace.columns.object
    kinds = b.trace.columns.kind
    tags = _tags(pairing)
    for position in shapes.results(b.shape):
        other = pairing.twin[position]
        if other < 0:
            continue
        kind, value_a, value_b = kinds[position], values_a[other], values_b[position]
        if kind == Kind.GET:
            if value_b < 0 or value_a < 0:
                continue
            value_b = tags[value_b] if value_b in tags else tables.tag_b(value_b)
        elif kind == Kind.RELEASE:
            value_a, value_b = tables.object_a[objects_a[other]], tables.object_b[objects_b[position]]
        elif kind == Kind.ENUMERATE:
            value_a, value_b = _number(tables.text_a, value_a), _number(tables.text_b, value_b)
        if value_a != value_b:
            change = pairing.steps.setdefault(b.actor[position], Change())
            change.other += 1
            change.cut = 0  # it differs before the shorter sequence ends
            change.note(other, position)


def _number(texts: Sequence[int], index: int) -> int:
    return texts[index] if 0 <= index < len(texts) else -1


def _tags(pairing: Pairing) -> dict[int, int]:
    """For items put by actors that put more or fewer in B: the tag that A gave the same item, -1 for one that A never put."""
    tags: dict[int, int] = {}
    b = pairing.b
    kinds, values_b, values_a = b.trace.columns.kind, b.trace.columns.value, pairing.a.trace.columns.value
    for actor, change in pairing.steps.items():
        if not change.only_a and not change.only_b:
            continue
        for position in b.steps.get(actor, _EMPTY):
            if kinds[position] == Kind.PUT:
                other = pairing.twin[position]
                tags[values_b[position]] = values_a[other] if other >= 0 else -1
    return tags


def switches(actor: Sequence[int]) -> int:
    """How often the next event is another actor's."""
    return sum(map(ne, actor, actor[1:]))
