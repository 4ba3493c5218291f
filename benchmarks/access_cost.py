"""What recording accesses costs: time beside the plain program, with the core in C and without.

`python -m benchmarks.access_cost` measures and prints a table. What is compared runs by turns; each figure is the median of the
rounds' ratios.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import simcore
from benchmarks.process_cost import pure_python
from benchmarks.tables import Table
from simcore.engine.interpreter import core_name

LOOPS = Path(__file__).resolve().with_name("access_loops.py")
CHOSEN: Sequence[tuple[str, str]] = (
    ("update", "`self.x += 1`"),
    ("read", "`self.x`"),
    ("write", "`self.x = 1`"),
    ("call", "`self.x = plus(self.x, 1)`"),
    ("item", '`table["x"] += 1`'),
    ("entry", "`row[1] = row[0]`"),
    ("variable", "`total += 1`, a global"),
)
TURNS = 200_000


def _seconds(file: Path) -> float:
    seconds: float = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    return seconds


def plain(name: str, folder: Path) -> float:
    """A loop's time without anything."""
    subprocess.run([sys.executable, LOOPS, name, str(TURNS), folder / "time"], check=True)
    return _seconds(folder / "time")


def recorded(name: str, folder: Path) -> float:
    """A loop's time while its accesses are recorded."""
    command = [sys.executable, str(LOOPS), name, str(TURNS), str(folder / "time")]
    simcore.record(command, output=folder / "loop.simtrace", quiet=True, granularity="access").check()
    return _seconds(folder / "time")


def recorded_purely(name: str, folder: Path) -> float:
    """The same without the core in C."""
    with pure_python():
        return recorded(name, folder)


def run(rounds: int = 7) -> list[Table]:
    """The table. Works in a folder of its own that it removes."""
    ways: Sequence[Callable[[str, Path], float]] = (plain, recorded, recorded_purely)
    rows = []
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="simcore-cost-") as name:
        folder = Path(name)
        os.chdir(folder)
        try:
            for loop, title in CHOSEN:
                figures = [[way(loop, folder) / TURNS * 1e9 for way in ways] for _ in range(rounds)]
                bare, core, pure = (statistics.median(column) for column in zip(*figures, strict=True))
                ratios = [statistics.median(row[way] / row[0] for row in figures) for way in (1, 2)]
                rows.append([title, f"{bare:.0f}", f"{core:.0f}", f"{ratios[0]:.1f}x", f"{pure:.0f}", f"{ratios[1]:.0f}x"])
                print(*rows[-1], sep="   ", file=sys.stderr, flush=True)
        finally:
            os.chdir(before)
    return [
        Table(
            f"Accesses recorded against plain, ns of CPU time per turn (medians of {rounds} rounds)",
            ["loop", "plain", "recorded", core_name(), "recorded purely", "pure Python"],
            rows,
        )
    ]


if __name__ == "__main__":
    for table in run():
        print(table.markdown())
