"""A write to shared memory is recorded just before it is done: one that a kill came before is not in the trace."""

from array import array

import pytest

from simcore.engine.ordering import leave_out_undone_stores
from simcore.engine.rows import Rows
from simcore.trace.events import Kind
from simcore.trace.words import FAILED_ACCESS

COUNT, OTHER = 40, 41


def rows(*events: tuple[int, Kind, int, int]) -> Rows:
    """Actor, kind, object and value of each event, in order."""
    result = Rows()
    none = array("I", [0])
    for at, (actor, kind, thing, value) in enumerate(events):
        result.add(actor, [at], bytes([kind]), array("q", [thing]), none, array("q", [value]), none, b"\1")
    return result


def told(given: Rows) -> list[tuple[int, int, int, int, int]]:
    """What there is of each row."""
    return list(zip(given.keys, given.actors, given.kinds, given.objects, given.values, strict=True))


BEFORE = ((1, Kind.STORE, COUNT, 6), (1, Kind.READ, COUNT, 6), (1, Kind.STORE, COUNT, 7))


@pytest.mark.parametrize(
    ("after", "is_kept"),
    [
        ([(0, Kind.READ, COUNT, 7)], True),
        ([(0, Kind.READ, COUNT, 6)], False),
        ([(0, Kind.READ, OTHER, 6), (2, Kind.READ, COUNT, 6)], False),
        ([(0, Kind.STORE, COUNT, 3), (0, Kind.READ, COUNT, 3)], True),
        ([(0, Kind.READ, COUNT, FAILED_ACCESS)], True),
        ([], True),
        ([(0, Kind.READ, COUNT, 6), (1, Kind.END, 0, 0)], True),
    ],
)
def test_the_next_to_read_tells(after: list[tuple[int, Kind, int, int]], is_kept: bool) -> None:
    """Only the last record of an actor can be one; who reads there next without a write between has seen whether it was done."""
    given = rows(*BEFORE, *after)
    before = told(given)
    leave_out_undone_stores(given)
    assert told(given) == (before if is_kept else [*before[:2], *before[3:]])
