"""The order of a run's records: by their stamps, but an actor's own order stays and a release goes before what it lets in."""

from array import array

from simcore.engine.ordering import answer_early_releases
from simcore.engine.rows import Rows, increasing
from simcore.trace.events import Kind

LOCK = 40


def row(rows: Rows, actor: int, stamp: int, kind: Kind, value: int = 1) -> None:
    """Add a record on the lock."""
    none = array("I", [0])
    rows.add(actor, [stamp], bytes([kind]), array("q", [LOCK]), none, array("q", [value]), none, b"\1")


def order(rows: Rows) -> list[tuple[int, int]]:
    """Actor and kind of each row, in order."""
    rows.put_in_order()
    return list(zip(rows.actors, rows.kinds, strict=True))


def test_at_one_stamp_what_lets_others_go_on_is_first() -> None:
    """Then the actor that was added first."""
    rows = Rows()
    row(rows, 1, 50, Kind.ACQUIRE)
    row(rows, 2, 50, Kind.SLEEP)
    row(rows, 3, 50, Kind.RELEASE)
    row(rows, 4, 49, Kind.SLEEP)
    assert order(rows) == [(4, Kind.SLEEP), (3, Kind.RELEASE), (1, Kind.ACQUIRE), (2, Kind.SLEEP)]


def test_stamps_of_what_a_finaliser_did_are_behind_what_it_interrupted() -> None:
    """It took later slots and stamped them earlier. What is not kept puts nothing off."""
    assert increasing(array("Q", [10, 20, 30]), b"\1\1\1", 5) == (array("Q", [10, 20, 30]), 30)
    assert increasing(array("Q", [10, 20, 30]), b"\1\1\0", 5) == (array("Q", [10, 20, 30]), 20)
    assert increasing(array("Q", [10, 20]), b"\0\0", 5) == (array("Q", [10, 20]), 5)
    assert increasing(array("Q", [90, 20, 30, 95]), b"\1\1\1\1", 5) == ([90, 91, 92, 95], 95)
    assert increasing(array("Q", [90, 20, 30, 95]), b"\0\1\1\1", 5) == ([90, 20, 30, 95], 95)
    assert increasing(array("Q", [10, 20]), b"\1\1", 15) == ([16, 20], 20)


def test_a_release_that_was_stamped_before_the_acquisition_that_it_answers() -> None:
    """Who releases a lock of another thread may see it taken before the taker comes to its stamp."""
    rows = Rows()
    row(rows, 1, 10, Kind.ACQUIRE)
    row(rows, 2, 20, Kind.RELEASE)
    row(rows, 2, 30, Kind.RELEASE)
    row(rows, 1, 40, Kind.ACQUIRE)
    row(rows, 3, 50, Kind.ACQUIRE)
    before = order(rows)
    answer_early_releases(rows, {LOCK: "main"}, set(), {1: "main", 2: "main", 3: "main"})
    assert order(rows) == [before[0], before[1], before[3], before[2], before[4]]
    assert rows.stamp(2) == rows.stamp(3) == 30


def test_an_order_without_contradiction_stays() -> None:
    """Even where a failed attempt and an undone release are in it."""
    rows = Rows()
    for at, (actor, kind, value) in enumerate(
        [(1, Kind.ACQUIRE, 1), (2, Kind.ACQUIRE, 0), (2, Kind.RELEASE, 1), (2, Kind.UNDO, 0), (1, Kind.RELEASE, 1)]
    ):
        row(rows, actor, at, kind, value)
    before = order(rows)
    answer_early_releases(rows, {LOCK: "main"}, set(), {1: "main", 2: "main"})
    assert order(rows) == before
