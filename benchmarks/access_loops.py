"""Loops over shared data whose cost `access_cost.py` measures: `access_loops.py NAME TURNS FILE` writes seconds of CPU time.

Each loop runs in a thread of its own, for a program that accesses shared data has several; it measures itself.
"""

import json
import sys
import threading
import time
from collections.abc import Callable

total = 0


def plus(a: int, b: int) -> int:
    """A call between a read and a write."""
    return a + b


class Shared:
    """What the loops access."""

    def __init__(self) -> None:
        self.x = 0
        self.table = {"x": 0}
        self.row = [0, 0]

    def update(self, turns: int) -> None:
        for _ in range(turns):
            self.x += 1

    def read(self, turns: int) -> None:
        for _ in range(turns):
            self.x  # noqa: B018

    def write(self, turns: int) -> None:
        for _ in range(turns):
            self.x = 1

    def call(self, turns: int) -> None:
        for _ in range(turns):
            self.x = plus(self.x, 1)

    def item(self, turns: int) -> None:
        table = self.table
        for _ in range(turns):
            table["x"] += 1

    def entry(self, turns: int) -> None:
        row = self.row
        for _ in range(turns):
            row[1] = row[0]

    def variable(self, turns: int) -> None:
        global total
        for _ in range(turns):
            total += 1


def measured(loop: Callable[[int], None], turns: int) -> float:
    """Seconds of CPU time of the thread that runs the loop."""
    found = []

    def body() -> None:
        loop(turns // 100)
        begin = time.thread_time()
        loop(turns)
        found.append(time.thread_time() - begin)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return found[0]


if __name__ == "__main__":
    seconds = measured(getattr(Shared(), sys.argv[1]), int(sys.argv[2]))
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        json.dump(seconds, file)
