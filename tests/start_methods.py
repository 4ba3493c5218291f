"""Which start methods a test takes in the default run, and which only in the long loops.

Spawn and the fork server share most: the child imports everything anew and is told who it is. Each family of operations is
tested by default under fork and under one of the two; with `-m loop` under the other as well.
"""

from collections.abc import Iterable

import pytest

METHODS = ("fork", "spawn", "forkserver")


def _methods(looped: str) -> list[object]:
    return [pytest.param(method, marks=pytest.mark.loop) if method == looped else method for method in METHODS]


FORK_AND_SPAWN = _methods("forkserver")
FORK_AND_FORKSERVER = _methods("spawn")


def in_turn(names: Iterable[object]) -> list[object]:
    """Pairs of a name and a start method: the names take spawn and the fork server by turns, all of them fork."""
    pairs: list[object] = []
    for number, name in enumerate(names):
        looped = ("forkserver", "spawn")[number % 2]
        pairs += [pytest.param(name, method, marks=pytest.mark.loop if method == looped else ()) for method in METHODS]
    return pairs
