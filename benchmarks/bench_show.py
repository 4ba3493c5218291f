"""How long `simcore show` takes to open each of its views: traces of 12 actors with 2,000 and of 4 actors with 10^6 events.

Run it as `python benchmarks/bench_show.py [EVENTS...]`; it prints a table. Every row is a process of its own, from its start
to its end, so that imports and reading the file count.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench_diff import program, trace

from simcore.trace.events import Kind

SIZES = (2_000, 1_000_000)
VIEWS = ((), ("--timeline",), ("--by-object",), ("--stats",))
WAITS_US = 400


def run(folder: Path, sizes: Sequence[int] = SIZES) -> list[dict[str, object]]:
    """One row per size and view: `events`, `actors`, `view`, `seconds`, `lines` printed."""
    rows: list[dict[str, object]] = []
    for events in sizes:
        actors = 12 if events < 100_000 else 4
        path = contended(events, actors, folder / f"{events}.simtrace")
        for view in VIEWS:
            command = [sys.executable, "-m", "simcore", "show", str(path), *view]
            start = time.perf_counter()
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "80"})
            seconds = round(time.perf_counter() - start, 2)
            lines = len(done.stdout.splitlines())
            rows.append({"events": events, "actors": actors, "view": " ".join(view), "seconds": seconds, "lines": lines})
    return rows


def contended(events: int, actors: int, path: Path) -> Path:
    """A trace in which every fifth acquisition had to wait."""
    made = trace([program(actor, events // actors, seed=actor) for actor in range(actors)], seed=1)
    columns, taken = made.columns, 0
    for position, kind in enumerate(columns.kind):
        if kind == Kind.ACQUIRE:
            taken += 1
            if taken % 5 == 0:
                columns.waited_us[position] = min(WAITS_US, columns.at_ns[position] // 1000)
    return made.save(path)


def main() -> None:
    """Print the table, for the sizes given or for both."""
    print(f"{'events':>10} {'actors':>6}  {'view':<12} {'seconds':>8} {'lines':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for row in run(Path(folder), [int(word) for word in sys.argv[1:]] or SIZES):
            print(f"{row['events']:>10,} {row['actors']:>6}  {row['view']:<12} {row['seconds']:>8} {row['lines']:>6}")


if __name__ == "__main__":
    main()
