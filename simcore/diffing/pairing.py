"""Which event of A is which event of B: actor by actor, in program order.

An actor that did the same in both runs is paired step by step. Only where its own sequence changed is an alignment searched.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

from simcore.diffing.align import Block, Budget, align
from simcore.diffing.meaning import Lane
from simcore.diffing.shapes import Shapes
from simcore.diffing.tables import Tables, translated
from simcore.trace.model import Trace


@dataclass(slots=True)
class Side:
    """One trace, its columns in the common numbering, and the positions of its events by who did them and what they act on.

    `steps` are per actor, `groups` per ordering group, `writes` per actor and stream (the key is `actor + actors * group`),
    `inputs` per actor and kind.
    """

    trace: Trace
    actor: array[int]
    shape: array[int]
    texts: Sequence[int]
    steps: dict[int, array[int]] = field(default_factory=dict)
    writes: dict[int, array[int]] = field(default_factory=dict)
    groups: dict[int, array[int]] = field(default_factory=dict)
    inputs: dict[tuple[int, int], array[int]] = field(default_factory=dict)

    def sort_in(self, shapes: Shapes, actors: int) -> None:
        """Fill the positions, each list in the order of the trace. `actors` is how many there are in both traces."""
        steps = [array("i") for _ in range(actors)]
        groups = [array("i") for _ in shapes.groups]
        add_step, add_group = ([one.append for one in home] for home in (steps, groups))
        lanes, orders = map(shapes.lane.__getitem__, self.shape), map(shapes.group.__getitem__, self.shape)
        for position, (actor, lane, group) in enumerate(zip(self.actor, lanes, orders, strict=True)):
            if not lane:
                add_step[actor](position)
            elif lane == Lane.WRITE:
                self.writes.setdefault(actor + actors * group, array("i")).append(position)
            elif lane == Lane.INPUT:
                self.inputs.setdefault((actor, shapes.kind[self.shape[position]]), array("i")).append(position)
            if group >= 0:
                add_group[group](position)
        self.steps, self.groups = (
            {number: positions for number, positions in enumerate(home) if positions} for home in (steps, groups)
        )

    def did(self, lane: Lane, positions: array[int]) -> array[int]:
        """What these events were: the shapes of steps, the texts of writes."""
        if lane is Lane.STEP:
            return array("I", map(self.shape.__getitem__, positions))
        texts, values = self.texts, self.trace.columns.value
        indexes = map(values.__getitem__, positions)
        return array("I", (texts[index] if 0 <= index < len(texts) else NO_TEXT for index in indexes))


NO_TEXT: Final = (1 << 32) - 1
"""Stands for a text that the trace does not have."""


@dataclass(slots=True)
class Change:
    """How one actor's sequence differs. Counts of events without a counterpart and of pairs with another result.

    `first` holds the positions in A and in B of its first event that differs, None where the actor had ended. `cut` says that
    one sequence is the beginning of the other: 1 when A's is the shorter, 2 when B's is. `first_result` is the first pair with
    another result, but for what it took from where another actor might have taken it: there are `taken` pairs of these.
    """

    only_a: int = 0
    only_b: int = 0
    other: int = 0
    first: tuple[int | None, int | None] | None = None
    cut: int = 0
    exact: bool = True
    first_result: tuple[int, int] | None = None
    taken: int = 0

    def note(self, position_a: int, position_b: int) -> None:
        """Take this pair as the first that differs if it comes before what was the first so far."""
        if self.first is None or self.first[0] is None or position_a < self.first[0]:
            self.first = (position_a, position_b)


@dataclass(slots=True)
class Pairing:
    """`twin[b]` is the position in A of the event at `b` in B, or -1; `back[a]` the other way round.

    `steps` and `writes` have what differs, by the keys that the sides use.
    """

    a: Side
    b: Side
    twin: array[int]
    back: array[int]
    steps: dict[int, Change] = field(default_factory=dict)
    writes: dict[int, Change] = field(default_factory=dict)

    def changes(self, lane: Lane) -> dict[int, Change]:
        """What differs in one kind of lane."""
        return self.steps if lane is Lane.STEP else self.writes

    def numbers(self, lane: Lane) -> list[int]:
        """The keys of the lanes of one kind that A or B has."""
        a, b = (side.steps if lane is Lane.STEP else side.writes for side in (self.a, self.b))
        return list({**a, **b})

    def places(self, lane: Lane, number: int) -> tuple[array[int], array[int]]:
        """The positions of one lane in A and in B."""
        a, b = ((side.steps if lane is Lane.STEP else side.writes).get(number, _EMPTY) for side in (self.a, self.b))
        return a, b

    def pair(self, places_a: array[int], places_b: array[int]) -> None:
        """Make events twins, one by one."""
        twin, back = self.twin, self.back
        for p, q in zip(places_a, places_b, strict=True):
            back[p] = q
            twin[q] = p


EFFORT = 600_000
"""So many steps of search the alignments of one diff may take together; what one actor does not need is left to the next."""

_EMPTY = array("i")


def pair_up(tables: Tables, shapes: Shapes) -> Pairing:
    """Pair the events of two traces, by what they were; results are compared later."""
    c = tables.a.columns
    a = Side(tables.a, c.actor, shapes.of(c, tables.object_a, tables.actor_a, tables.text_a), tables.text_a)
    c = tables.b.columns
    actors = translated(c.actor, tables.actor_b)
    b = Side(tables.b, actors, shapes.of(c, tables.object_b, tables.actor_b, tables.text_b), tables.text_b)
    a.sort_in(shapes, tables.actors)
    b.sort_in(shapes, tables.actors)
    pairing = Pairing(a, b, array("i", repeat(-1, len(b.shape))), array("i", repeat(-1, len(a.shape))))
    changed: list[tuple[Lane, int]] = []
    for lane in (Lane.STEP, Lane.WRITE):
        changed += [(lane, number) for number in pairing.numbers(lane) if not _pair_equal(pairing, lane, number)]
    left = EFFORT
    for done, (lane, number) in enumerate(changed):
        budget = Budget(share := left // (len(changed) - done))
        pairing.changes(lane)[number] = _pair_changed(pairing, shapes, lane, number, budget)
        left -= share - max(budget.steps, 0)
    for key, places_a in a.inputs.items():
        places_b = b.inputs.get(key, _EMPTY)
        both = min(len(places_a), len(places_b))
        pairing.pair(places_a[:both], places_b[:both])
    return pairing


def _pair_equal(pairing: Pairing, lane: Lane, number: int) -> bool:
    """Pair the events of one lane if they are the same in both runs; False if they are not."""
    places_a, places_b = pairing.places(lane, number)
    if len(places_a) != len(places_b) or pairing.a.did(lane, places_a).tobytes() != pairing.b.did(lane, places_b).tobytes():
        return False
    pairing.pair(places_a, places_b)
    return True


def _pair_changed(pairing: Pairing, shapes: Shapes, lane: Lane, number: int, budget: Budget) -> Change:
    """Pair what can be paired of the events of one lane."""
    places_a, places_b = pairing.places(lane, number)
    did_a, did_b = pairing.a.did(lane, places_a), pairing.b.did(lane, places_b)
    change = Change()
    blocks, change.exact = align(did_a, did_b, budget)
    x = y = 0
    for block in [*blocks, Block(len(did_a), len(did_b), 0)]:
        # Between equal runs: the same operation with another result, a write with another text.
        if lane is Lane.WRITE:
            others = min(block.a - x, block.b - y)
            pairing.pair(places_a[x : x + others], places_b[y : y + others])
            change.other, x, y = change.other + others, x + others, y + others
        while x < block.a and y < block.b and shapes.loose[did_a[x]] == shapes.loose[did_b[y]]:
            if shapes.group[did_a[x]] == shapes.group[did_b[y]]:
                pairing.pair(places_a[x : x + 1], places_b[y : y + 1])
            change.other, x, y = change.other + 1, x + 1, y + 1
        change.only_a += block.a - x
        change.only_b += block.b - y
        x, y = block.a + block.length, block.b + block.length
        pairing.pair(places_a[block.a : x], places_b[block.b : y])
    same = blocks[0].length if blocks and blocks[0].a == blocks[0].b == 0 else 0
    change.first = (
        places_a[same] if same < len(places_a) else None,
        places_b[same] if same < len(places_b) else None,
    )
    if same == min(len(did_a), len(did_b)):
        change.cut = 1 if same == len(did_a) else 2
    return change
