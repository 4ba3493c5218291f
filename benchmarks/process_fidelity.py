"""Fidelity of programs with several processes: ten of them under each start method, recorded and replayed again and again.

`python -m benchmarks.process_fidelity` does 20 recordings of each with 3 replays each: 1,800 replays. What is held against what,
and the control, are those of `benchmarks.fidelity`. A recording without hand-offs between processes is not counted.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import simcore
from benchmarks.fidelity import SWITCH_INTERVAL_S, TITLE, Case, Loop, Row, Seen, as_json, busy_loops, captured, failed, line
from benchmarks.process_programs import PROGRAMS
from simcore.trace.events import LOCAL_KINDS
from simcore.trace.model import Trace

METHODS = ("fork", "spawn", "forkserver")
SCRIPT = Path(__file__).resolve().with_name("process_programs.py")


class ProcessLoop(Loop):
    """The recordings and replays of one program under one start method."""

    def __init__(self, program: str, method: str, folder: Path, kept: Path) -> None:
        super().__init__(Case(f"{program} {method}"), folder, kept, least=1)
        self._words = [sys.executable, str(SCRIPT), program, method, str(self.witness)]

    def record(self, name: str) -> tuple[Trace, Seen]:
        """Record once with short switch intervals."""
        self._clean()
        with captured(self.folder / "out", self.folder / "err"):
            trace = simcore.record(self._words, output=self.folder / name, switch_interval_s=SWITCH_INTERVAL_S, timeout_s=120)
        return trace, self._seen()

    def hand_offs(self, trace: Trace) -> int:
        """How often the next turn is another process's."""
        c = trace.columns
        processes = [trace.processes[actor] for actor, kind in zip(c.actor, c.kind, strict=True) if kind not in LOCAL_KINDS]
        return sum(a != b for a, b in itertools.pairwise(processes))


def run(recordings: int, replays: int, *, only: Sequence[str], methods: Sequence[str], control: bool, kept: Path) -> list[Row]:
    """A row per program and start method, in a folder of its own; what is not the same is moved to `kept`."""
    rows = []
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="simcore-fidelity-") as folder:
        os.chdir(folder)
        try:
            for program, method in itertools.product(only or PROGRAMS, methods):
                begin = time.perf_counter()
                row = ProcessLoop(program, method, Path(folder), kept).run(recordings, replays, control=control)
                rows.append(row)
                print(f"{line(row)}   {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
        finally:
            os.chdir(before)
    return rows


def main() -> int:
    """Read the options, go round, print the table."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.process_fidelity", description=(__doc__ or "").partition("\n")[0]
    )
    options.add_argument("--recordings", type=int, default=20)
    options.add_argument("--replays", type=int, default=3)
    options.add_argument("--load", action="store_true", help="beside two busy loops")
    options.add_argument("--only", action="append", default=[], choices=list(PROGRAMS), help="this program; may be given again")
    options.add_argument("--method", action="append", default=[], choices=METHODS, help="this start method; may be given again")
    options.add_argument("--no-control", action="store_true", help="leave out the free runs")
    options.add_argument("--json", action="store_true", help="rows as JSON")
    options.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / f"simcore-fidelity-{os.getpid()}")
    chosen = options.parse_args()
    with busy_loops(2 if chosen.load else 0):
        rows = run(
            chosen.recordings,
            chosen.replays,
            only=chosen.only,
            methods=chosen.method or METHODS,
            control=not chosen.no_control,
            kept=chosen.keep,
        )
    if chosen.json:
        print(as_json(rows, load=chosen.load))
    else:
        same, replays = sum(row.same for row in rows), sum(row.replays for row in rows)
        print(TITLE, *map(line, rows), f"{same} of {replays} replays the same", sep="\n")
    return int(failed(rows))


if __name__ == "__main__":
    sys.exit(main())
