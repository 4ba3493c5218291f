"""What `races` and `locks` say of every built-in pattern: its bug is found where it is one of theirs, and nothing else.

`python -m benchmarks.verdicts` records each pattern 20 times at granularity `access` and asks both. A row is good when each run
gave the verdict that stands here.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import simcore
from benchmarks.fidelity import SWITCH_INTERVAL_S, captured
from benchmarks.patterns import WIDTH, cases
from simcore.analysis.result import Answer
from simcore.engine.parameters import spelled

RACY: Mapping[str, frozenset[str]] = {
    "data-race": frozenset(),
    "double-checked-locking": frozenset(),
    "shared-value-array": frozenset({"style"}),
    "thread-local": frozenset({"style"}),
}
"""Patterns with a race unless they are `fixed`; those with parameters only where one of these is given.

named-shared-memory has one, too, in bytes that nobody can watch: there the answer is that it cannot be known.
"""

KNOTTY: Mapping[str, Mapping[str, object]] = {
    "deadlock-abba": {},
    "dining-philosophers": {},
    "fork-while-locked": {"method": "fork"},
    "recursive-mutex": {"lock": "Lock"},
    "recursive-mutex-leak": {},
}
"""Patterns that end in a deadlock unless they are `fixed`: with these parameters, under this start method."""


def expected(name: str, params: Mapping[str, object], method: str) -> tuple[bool, bool]:
    """Whether a race is to be found, and whether a deadlock."""
    is_fixed = bool(params.get("fixed"))
    needs = RACY.get(name)
    is_racy = needs is not None and not is_fixed and (not needs or bool(needs & params.keys()))
    knot = KNOTTY.get(name)
    return is_racy, knot is not None and not is_fixed and knot.items() <= {**params, "method": method}.items()


def main() -> int:
    """Read the options, go round, print the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--recordings", type=int, default=20)
    options.add_argument("--only", action="append", default=[], metavar="PATTERN", help="this pattern; may be given again")
    options.add_argument("--method", action="append", default=[], help="this start method, or none; may be given again")
    chosen = options.parse_args()
    wrong = 0
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="simcore-verdicts-") as folder:
        os.chdir(folder)
        try:
            for name, params, method in cases(chosen.only, chosen.method):
                title = " ".join([name, *(f"{key}={spelled(value)}" for key, value in params.items()), method]).strip()
                races: Counter[str] = Counter()
                locks: Counter[str] = Counter()
                for _ in range(chosen.recordings):
                    with captured(Path("out"), Path("err")):
                        trace = simcore.record(
                            name,
                            params=params,
                            output="run.simtrace",
                            start_method=method or None,
                            switch_interval_s=SWITCH_INTERVAL_S,
                            granularity="access",
                            timeout_s=60,
                        )
                    races[simcore.races(trace).answer.value] += 1
                    locks[simcore.locks(trace).answer.value] += 1
                racy, knotty = expected(name, params, method)
                good = races[Answer.FOUND.value] == (chosen.recordings if racy else 0)
                good = good and locks[Answer.FOUND.value] == (chosen.recordings if knotty else 0)
                wrong += not good
                print(f"{title:<{WIDTH}}{told(races):<24}{told(locks):<24}{'' if good else 'WRONG'}".rstrip(), flush=True)
        finally:
            os.chdir(before)
    print(f"{wrong} rows are wrong")
    return int(wrong > 0)


def told(answers: Counter[str]) -> str:
    """`20 none`, or `18 none, 2 inconclusive`."""
    return ", ".join(f"{times} {answer}" for answer, times in answers.items())


if __name__ == "__main__":
    sys.exit(main())
