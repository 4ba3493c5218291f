"""Who took what from a queue or a pool, in runs that were set up otherwise.

Which of several workers takes the next task is order, also where one of them comes to more tasks than it did in the other run:
place by place it is asked who took the first item, the second and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from simcore.diffing.pairing import Pairing, Side
from simcore.diffing.shapes import Shapes
from simcore.diffing.spans import FIRST_OPERATION
from simcore.diffing.tables import Tables
from simcore.trace.events import Kind, ObjectKind

_OFFERED: Final = frozenset({ObjectKind.QUEUE, ObjectKind.SIMPLEQUEUE, ObjectKind.PQUEUE, ObjectKind.POOL})


@dataclass(frozen=True, slots=True)
class Taken:
    """A group from which another actor took something, or one of several took more: where first, in A and in B, and the shapes of
    such takes.

    `is_order` says that the same actors took as much in all: nothing but their order differs.
    """

    place: tuple[int, int]
    shapes: frozenset[int]
    is_order: bool


def taken_by_others(tables: Tables, pairing: Pairing, shapes: Shapes, operations: Mapping[str, int]) -> dict[int, Taken]:
    """Per group where the takes of the actors that both runs have part first."""
    gets = {int(Kind.GET), *(FIRST_OPERATION + number for name, number in operations.items() if name.endswith(".get"))}
    numbers = enumerate(zip(shapes.kind, shapes.group, strict=True))
    takes = frozenset(
        shape
        for shape, (kind, group) in numbers
        if kind in gets and group >= 0 and tables.thing(shapes.groups[group][0]).kind in _OFFERED
    )
    both = set(range(len(tables.actor_a))).intersection(tables.actor_b)
    found = {}
    for group in {shapes.group[shape] for shape in takes} & pairing.a.groups.keys() & pairing.b.groups.keys():
        takes_a, takes_b = (_takes(side, group, takes) for side in (pairing.a, pairing.b))
        takers = {pairing.a.actor[p] for p in takes_a} | {pairing.b.actor[q] for q in takes_b}
        place = _parting(pairing, takes_a, takes_b, both)
        if place is not None and len(takers & both) > 1:
            of_group = frozenset(shape for shape in takes if shapes.group[shape] == group)
            found[group] = Taken(place, of_group, len(takes_a) == len(takes_b) and takers <= both)
    return found


def _parting(pairing: Pairing, takes_a: list[int], takes_b: list[int], both: set[int]) -> tuple[int, int] | None:
    """The first two takes that two actors made, or where only one run goes on, with the end of the other."""
    for p, q in zip(takes_a, takes_b, strict=False):
        one, other = pairing.a.actor[p], pairing.b.actor[q]
        if one != other and {one, other} <= both:
            return p, q
    common = min(len(takes_a), len(takes_b))
    if len(takes_a) == len(takes_b):
        return None
    ends = ([*takes, len(side.shape)][common] for takes, side in ((takes_a, pairing.a), (takes_b, pairing.b)))
    return next(ends), next(ends)


def _takes(side: Side, group: int, takes: frozenset[int]) -> list[int]:
    return [position for position in side.groups[group] if side.shape[position] in takes]
