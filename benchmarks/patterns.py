"""Every built-in pattern under every start method that it is for: recorded again and again, each recording replayed.

`python -m benchmarks.patterns` does 20 recordings of each with 3 replays each. What is held against what are the trace that the
replay recorded, the output and the exit code, as in `benchmarks.fidelity`; beside it each run has to end as its pattern says.
`--replays 0` only looks at how runs end: a bug that is declared shows every time, and with `fixed` never.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import simcore
from benchmarks.fidelity import SWITCH_INTERVAL_S, Case, Loop, Row, Seen, busy_loops, captured, failed
from simcore.engine.parameters import spelled
from simcore.engine.plugins import PluginHost
from simcore.trace.model import Trace

VARIANTS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "condition": [{"style": "if"}],
    "daemon-thread": [{"fixed": True}, {"daemon": False}, {"daemon": False, "fixed": True}],
    "data-race": [
        *({"style": style} for style in ("attribute", "augmented", "item", "global", "closure")),
        *({"style": style, "fixed": True} for style in ("call", "attribute", "augmented", "item", "global", "closure")),
    ],
    "deadlock-abba": [{"fixed": True}],
    "dining-philosophers": [{"fixed": True}],
    "double-checked-locking": [{"fixed": True}],
    "fork-while-locked": [{"fixed": True}],
    "lost-wakeup": [{"fixed": True}, {"timeout_s": 0.02}],
    "named-shared-memory": [{"locked": False}],
    "pipeline": [{"fixed": True}],
    "process-lock": [{"lock": "module"}],
    "process-pipe": [{"writers": 2}, {"writers": 2, "fixed": True}],
    "process-pool": [{"terminate": True}],
    "readers-writers": [{"fixed": True}],
    "recursive-mutex": [{"lock": "Lock"}],
    "recursive-mutex-leak": [{"fixed": True}],
    "rng-after-fork": [{"fixed": True}],
    "shared-value-array": [{"style": "own"}, {"style": "raw"}],
    "thread-local": [{"style": "global"}],
    "thread-subclass": [{"call": "run"}],
}
"""What a pattern shows beside its defaults: its bug, or its fix."""

WIDTH = 58
TITLE = f"{'pattern, parameters, start method':<{WIDTH}}{'ends':>10}{'recordings':>12}{'replays':>9}{'same':>6}{'s':>6}"


class PatternLoop(Loop):
    """The recordings and replays of one pattern with one set of parameters under one start method ('' where it has none)."""

    def __init__(self, name: str, params: Mapping[str, object], method: str, folder: Path, kept: Path) -> None:
        super().__init__(Case(name, params, builtin=True, witness=False), folder, kept, least=0)
        self.method = method
        self.ends: set[str] = set()
        shown = [f"{key}={spelled(value)}" for key, value in params.items()]
        self.row = Row(" ".join([name, *shown, method]).strip())

    def record(self, name: str) -> tuple[Trace, Seen]:
        """Record once with short switch intervals."""
        self._clean()
        with captured(self.folder / "out", self.folder / "err"):
            trace = simcore.record(
                self.case.pattern,
                params=self.case.params,
                output=self.folder / name,
                start_method=self.method or None,
                switch_interval_s=SWITCH_INTERVAL_S,
                timeout_s=60,
            )
        self.ends.add(trace.outcome.word)
        return trace, self._seen()


def cases(
    only: Sequence[str] = (), methods: Sequence[str] = (), *, variants: bool = True
) -> Iterator[tuple[str, Mapping[str, object], str]]:
    """Each pattern with its defaults and its variants, under each of its start methods that is asked for."""
    for name, pattern in PluginHost(env=False).patterns.items():
        if pattern.plugin_file or (only and name not in only) or not pattern.module.startswith("simcore_patterns."):
            continue
        for params in ({}, *(VARIANTS.get(name, ()) if variants else ())):
            for method in pattern.start_methods or ("",):
                if not methods or (method or "none") in methods:
                    yield name, params, method


def line(loop: PatternLoop, seconds: float) -> str:
    """One row of the table."""
    row = loop.row
    ends = "/".join(sorted(loop.ends))
    return f"{row.program:<{WIDTH}}{ends:>10}{row.recordings:>12}{row.replays:>9}{row.same:>6}{seconds:>6.0f}"


def main() -> int:
    """Read the options, go round, print the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.patterns", description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--recordings", type=int, default=20)
    options.add_argument("--replays", type=int, default=3)
    options.add_argument("--load", action="store_true", help="beside two busy loops")
    options.add_argument("--only", action="append", default=[], metavar="PATTERN", help="this pattern; may be given again")
    options.add_argument(
        "--method", action="append", default=[], help="this start method, or none for patterns without; may be given again"
    )
    options.add_argument("--defaults", action="store_true", help="leave out other parameters than the defaults")
    options.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / f"simcore-patterns-{os.getpid()}")
    chosen = options.parse_args()
    rows = []
    print(TITLE, flush=True)
    before = Path.cwd()
    with busy_loops(2 if chosen.load else 0), tempfile.TemporaryDirectory(prefix="simcore-patterns-") as folder:
        os.chdir(folder)
        try:
            for name, params, method in cases(chosen.only, chosen.method, variants=not chosen.defaults):
                begin = time.perf_counter()
                loop = PatternLoop(name, params, method, Path(folder), chosen.keep)
                rows.append(loop.run(chosen.recordings, chosen.replays, control=False))
                print(line(loop, time.perf_counter() - begin), flush=True)
        finally:
            os.chdir(before)
    same, replays = sum(row.same for row in rows), sum(row.replays for row in rows)
    print(f"{len(rows)} rows, {sum(row.recordings for row in rows)} recordings, {same} of {replays} replays the same")
    return int(failed(rows))


if __name__ == "__main__":
    sys.exit(main())
