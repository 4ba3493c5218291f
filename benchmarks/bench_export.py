"""How long `simcore export` takes for each format, and `simcore report`: traces of 12 actors with 2,000 and with 10^6 events.

Run it as `python benchmarks/bench_export.py [EVENTS...]` where simcore's extras data and html are installed; it prints a table.
Every row is a process of its own, from its start to its end, so that imports and reading the file count.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench_show import contended

SIZES = (2_000, 1_000_000)
ACTORS = 12
WHAT = (
    ("export", "--to", "perfetto"),
    ("export", "--to", "chrome"),
    ("export", "--to", "jsonl"),
    ("export", "--to", "parquet"),
    ("report",),
)


def run(folder: Path, sizes: Sequence[int] = SIZES) -> list[dict[str, object]]:
    """One row per size and format: `events`, `what`, `seconds`, `cpu_s`, `bytes` of the file."""
    rows: list[dict[str, object]] = []
    for events in sizes:
        path = contended(events, ACTORS, folder / f"{events}.simtrace")
        for verb, *options in WHAT:
            target = folder / "out"
            command = [sys.executable, "-m", "simcore", verb, str(path), *options, "-o", str(target)]
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            what = options[-1] if options else verb
            size = target.stat().st_size
            rows.append({"events": events, "what": what, "seconds": round(seconds, 2), "cpu_s": round(cpu_s, 2), "bytes": size})
    return rows


def main() -> None:
    """Print the table, for the sizes given or for both."""
    print(f"{'events':>10}  {'what':<9} {'seconds':>8} {'cpu_s':>7} {'bytes':>13}")
    with tempfile.TemporaryDirectory() as folder:
        for row in run(Path(folder), [int(word) for word in sys.argv[1:]] or SIZES):
            print(f"{row['events']:>10,}  {row['what']:<9} {row['seconds']:>8} {row['cpu_s']:>7} {row['bytes']:>13,}")


if __name__ == "__main__":
    main()
