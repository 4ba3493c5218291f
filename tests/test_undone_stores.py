"""A write to shared memory is recorded just before it is done: one that a kill came before is not in the trace."""

import pytest

from simcore.engine.ordering import Row, without_undone_stores
from simcore.trace.events import Kind
from simcore.trace.words import FAILED_ACCESS

COUNT, OTHER = 40, 41


def rows(*events: tuple[int, Kind, int, int]) -> list[Row]:
    """Actor, kind, object and value of each event, in order."""
    return [(at, 1, actor, (value, thing, 0, 0, int(kind), 0, at)) for at, (actor, kind, thing, value) in enumerate(events)]


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
    kept = without_undone_stores(given)
    assert kept == (given if is_kept else [*given[:2], *given[3:]])
