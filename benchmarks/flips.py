"""Turns over single bits of a recorded trace, at random, and looks whether reading the file finds each.

`python -m benchmarks.flips` does 10,000 and exits with 1 when one was not found. A flip is found when loading raises TraceError;
counted apart is a file that passes as cut off, for that says where it ends, but not that somebody changed it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import simcore
from benchmarks.tables import Table
from simcore.errors import TraceError
from simcore.trace.model import Trace

PATTERN = "mutex"
PARAMS: Mapping[str, object] = {"workers": 4, "rounds": 100}


def flip(path: Path, flips: int, seed: int) -> Counter[str]:
    """How many flips were `found`, left a file that is `cut off`, or went `unseen`. Every flip starts from the intact file."""
    data = bytearray(path.read_bytes())
    choose = random.Random(seed)
    damaged = path.with_name("damaged.simtrace")
    counted = Counter({"found": 0, "cut off": 0, "unseen": 0})
    for _ in range(flips):
        bit = choose.randrange(len(data) * 8)
        data[bit // 8] ^= 1 << bit % 8
        damaged.write_bytes(data)
        data[bit // 8] ^= 1 << bit % 8
        try:
            trace = Trace.load(damaged)
        except TraceError:
            counted["found"] += 1
        else:
            word = "cut off" if trace.ending.cut_off else "unseen"
            counted[word] += 1
            print(f"bit {bit % 8} of byte {bit // 8} of {len(data)}: {word}", file=sys.stderr)
    return counted


def run(flips: int = 10_000, seed: int = 1) -> tuple[Table, Counter[str]]:
    """Record a pattern, turn over its bits. Works in a folder of its own that it removes."""
    with tempfile.TemporaryDirectory(prefix="simcore-flips-") as folder:
        path = Path(folder, "a.simtrace")
        trace = simcore.record(PATTERN, params=PARAMS, output=path, quiet=True).check()
        size = path.stat().st_size
        counted = flip(path, flips, seed)
    row = [f"{len(trace):,}", f"{size:,}", f"{flips:,}", *(f"{counted[word]:,}" for word in ("found", "cut off", "unseen"))]
    return Table("Random bit flips", ["events", "bytes", "flips", "found", "taken for cut off", "unseen"], [row]), counted


def main() -> int:
    """Read the options, flip, print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.flips", description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--flips", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    table, counted = run(chosen.flips, chosen.seed)
    print(table.markdown())
    return int(counted["found"] != chosen.flips)


if __name__ == "__main__":
    sys.exit(main())
