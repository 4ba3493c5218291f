"""Fidelity of data races: what a lost update or a late look at a flag made of a run is the same in every replay.

`python -m benchmarks.race_fidelity` records the pattern data-race in each style with 2 to 4 threads of 10^4 updates each, an
unsynchronised flag, and shared memory between processes under fork and spawn: 20 recordings of each with 100 replays each, some
hours. What is held against what is that of `benchmarks.fidelity`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import simcore
from benchmarks.fidelity import SWITCH_INTERVAL_S, TITLE, Case, Loop, Row, Seen, busy_loops, captured, failed, line
from simcore.trace.model import Trace

STYLES = ("call", "attribute", "augmented", "item", "global", "closure")
SCRIPT = Path(__file__).resolve().with_name("race_programs.py")


class RaceLoop(Loop):
    """The recordings and replays of one case, with the accesses to its data."""

    def __init__(self, case: Case, words: Sequence[str], folder: Path, kept: Path) -> None:
        super().__init__(case, folder, kept, least=1)
        self._words = words

    def record(self, name: str) -> tuple[Trace, Seen]:
        """Record once with short switch intervals."""
        self._clean()
        with captured(self.folder / "out", self.folder / "err"):
            trace = simcore.record(
                [sys.executable, str(SCRIPT), *self._words] if self._words else "data-race",
                params=self.case.params,
                output=self.folder / name,
                switch_interval_s=SWITCH_INTERVAL_S,
                granularity="access",
                timeout_s=120,
            )
        return trace, self._seen()


def cases(updates: int, threads: Sequence[int], styles: Sequence[str]) -> Iterator[tuple[Case, list[str]]]:
    """What is recorded: a case, and the words of a program that is no pattern."""
    for style in styles:
        for number in threads:
            yield Case(f"{style} {number}", {"style": style, "threads": number, "updates": updates}), []
    for words in (["flag"], ["value", "fork"], ["value", "spawn"], ["items", "fork"], ["items", "spawn"]):
        yield Case(" ".join(words)), words


def main() -> int:
    """Read the options, go round, print the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.race_fidelity", description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--recordings", type=int, default=20)
    options.add_argument("--replays", type=int, default=100)
    options.add_argument("--updates", type=int, default=10_000, help="of each thread of data-race")
    options.add_argument("--threads", type=int, action="append", choices=(2, 3, 4), help="so many; may be given again")
    options.add_argument("--style", action="append", choices=STYLES, help="this style; may be given again")
    options.add_argument("--load", action="store_true", help="beside two busy loops")
    options.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / f"simcore-fidelity-{os.getpid()}")
    chosen = options.parse_args()
    rows: list[Row] = []
    with busy_loops(2 if chosen.load else 0), tempfile.TemporaryDirectory(prefix="simcore-fidelity-") as folder:
        os.chdir(folder)
        try:
            for case, words in cases(chosen.updates, chosen.threads or (2, 3, 4), chosen.style or STYLES):
                begin = time.perf_counter()
                row = RaceLoop(case, words, Path(folder), chosen.keep).run(chosen.recordings, chosen.replays, control=False)
                rows.append(row)
                print(f"{line(row)}   {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
        finally:
            os.chdir("/")
    same, replays = sum(row.same for row in rows), sum(row.replays for row in rows)
    print(TITLE, *map(line, rows), f"{same} of {replays} replays the same", sep="\n")
    return int(failed(rows))


if __name__ == "__main__":
    sys.exit(main())
