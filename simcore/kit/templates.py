"""What `simcore plugins new` writes: a small concurrent program with a lesson, its tests, the files of a package.

`@NAME@` stands for the pattern's name, `@FUNCTION@` for that of its function and module, `@CLASS@` for that of the test's class,
`@IMPORT@` for where the tests import it from.
"""

from typing import Final

PATTERN: Final = '''"""Clerks who sell the same seats, each in a process of its own."""

from multiprocessing import Barrier, Process, Value
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier as BarrierType

from simcore.api import pattern


# At the top level of the module: a child process that is spawned finds it by its name.
def sell(free_seats: "Synchronized[int]", all_have_looked: BarrierType, fixed: bool) -> None:
    """Sell a seat if one is free. With the fix nobody comes between the look and the sale."""
    if fixed:
        with free_seats.get_lock():
            if free_seats.value > 0:
                free_seats.value -= 1
        return
    is_free = free_seats.value > 0
    all_have_looked.wait()  # the gap between look and sale, made wide enough: that the bug shows is no luck
    if is_free:
        with free_seats.get_lock():
            free_seats.value -= 1


@pattern(
    section="mine",
    title="the last seat is sold more than once",
    expect=lambda clerks, seats, fixed: {"ok"} if fixed or clerks <= seats or seats <= 0 else {"failed"},
    start_methods=["fork", "spawn", "forkserver"],
)
def @FUNCTION@(clerks: int = 3, seats: int = 1, fixed: bool = False) -> None:
    """Look first, then act: by then what was seen may not be true any more.

    Look at `free_seats`: every clerk reads how many there are before anybody stores a smaller number, so all of them find the
    last seat free. Each read and each store has the lock, and still seats are sold that nobody has: what must not be torn apart
    is the look and the sale together. With `fixed` both are done while the lock is held, and only one clerk finds the seat free.
    """
    free_seats = Value("i", seats)
    all_have_looked = Barrier(clerks)
    selling = [
        Process(target=sell, args=(free_seats, all_have_looked, fixed), name=f"clerk-{number + 1}") for number in range(clerks)
    ]
    for clerk in selling:
        clerk.start()
    for clerk in selling:
        clerk.join()
    assert all(clerk.exitcode == 0 for clerk in selling), "a clerk did not come to the end of his work"
    assert free_seats.value >= min(seats, 0), f"{-free_seats.value} seats too many were sold"
'''

TEST: Final = '''"""`@NAME@` ends as it says, under every start method, and its replays do the same."""

import unittest

from simcore.testing import assert_ends, assert_ordered, assert_replays, record, takers

from @IMPORT@ import @FUNCTION@

class @CLASS@Test(unittest.TestCase):
    """Each run is recorded in a process of its own."""

    def test_the_bug_shows_under_every_start_method(self) -> None:
        """Seats are sold that nobody has, and a replay does the same, event by event."""
        for method in ("fork", "spawn", "forkserver"):
            with self.subTest(method):
                trace = record(@FUNCTION@, start_method=method)
                assert_ends(trace, "failed")
                assert_replays(trace, times=1)

    def test_everybody_looks_before_anybody_sells(self) -> None:
        """That is the bug: each look comes before the sale of the other."""
        trace = record(@FUNCTION@, params={"clerks": 2})
        for clerk, other in (("clerk-1", "clerk-2"), ("clerk-2", "clerk-1")):
            assert_ordered(trace, (clerk, "read", "free_seats"), (other, "store", "free_seats"))

    def test_the_fix_sells_each_seat_once(self) -> None:
        """The run ends well, each clerk has had the lock, and the replays do the same."""
        trace = record(@FUNCTION@, params={"fixed": True})
        assert_ends(trace, "ok")
        self.assertLessEqual({"clerk-1", "clerk-2", "clerk-3"}, set(takers(trace, "free_seats.lock")))
        assert_replays(trace)


if __name__ == "__main__":
    unittest.main()
'''

PYPROJECT: Final = """[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "@NAME@"
version = "0.1.0"
description = "A pattern for simcore: the last seat is sold more than once."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["simcore"]

# A line for each module with patterns.
[project.entry-points."simcore.plugins"]
@NAME@ = "@FUNCTION@.@FUNCTION@"

[tool.setuptools.packages.find]
where = ["src"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["src"]
"""

README: Final = """# @NAME@

A pattern for simcore.

    pip install -e .
    simcore info @NAME@
    simcore record @NAME@
    simcore record @NAME@ -p fixed=true --start-method spawn

Its tests, which need no install of it, and whether it can be relied on:

    python -m pytest
    simcore plugins check @NAME@
"""

PACKAGE: Final = '''"""Patterns for simcore, a module each; the entry points in pyproject.toml name them."""
'''
