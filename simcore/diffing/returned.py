"""Results of equal operations: the items, numbers and names that two runs got."""

from __future__ import annotations

from collections.abc import Container, Sequence

from simcore.diffing.pairing import Change, Pairing
from simcore.diffing.shapes import Shapes
from simcore.diffing.tables import Tables
from simcore.trace.events import Kind


def compare_results(pairing: Pairing, shapes: Shapes, tables: Tables, shared_out: Container[int] = ()) -> None:
    """Note pairs of equal events that returned something else: another item, another number.

    `shared_out` are the shapes of takes that differ in who made them: what an actor got by them is a matter of order.
    """
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
        elif kind == Kind.EXIT and tables.a.processes[a.actor[other]] in tables.methods:
            continue  # a forked child ends with its exit code in hand, a spawned one hears of it later
        elif kind == Kind.WAIT:
            value_b = tables.tag_b(value_b)
        elif kind == Kind.RELEASE:
            value_a, value_b = tables.object_a[objects_a[other]], tables.object_b[objects_b[position]]
        elif kind in (Kind.ENUMERATE, Kind.READY):
            value_a, value_b = _number(tables.text_a, value_a), _number(tables.text_b, value_b)
        if value_a != value_b:
            change = pairing.steps.setdefault(b.actor[position], Change())
            change.other += 1
            change.cut = 0  # it differs before the shorter sequence ends
            change.note(other, position)
            if b.shape[position] in shared_out:
                change.taken += 1
            elif change.first_result is None:
                change.first_result = (other, position)


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
        for position in b.steps.get(actor, ()):
            if kinds[position] == Kind.PUT:
                other = pairing.twin[position]
                tags[values_b[position]] = values_a[other] if other >= 0 else -1
    return tags
