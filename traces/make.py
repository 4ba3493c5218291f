"""Adds reference recordings for the running Python, with simcore installed.

`python traces/make.py --missing` makes what the set lacks for this Python: each row of CASES whose pattern is not recorded as its
file is now. `python traces/make.py NAME [-p NAME=VALUE] [--start-method METHOD]` adds one more.

A recording that is there is never made again: a pattern that changed gets a new one beside the old. What is this machine's alone
(folders, the interpreter's path, the commit) is taken out.
"""

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import simcore
from simcore.engine.interpreter import core_name, running_minor
from simcore.engine.parameters import spelled, split_assignments
from simcore.engine.plugins import PluginHost
from simcore.trace.events import FORMAT_VERSION
from simcore.trace.model import Trace

HERE = Path(__file__).resolve().parent
MANIFEST = HERE / "MANIFEST.md"
SWITCH_INTERVAL_S = 1e-5
METHODS = ("fork", "spawn")
PYTHON = "python"
"""What stands for the interpreter: a replay takes its own."""

PATTERNS = PluginHost(env=False).patterns


@dataclass(frozen=True)
class Case:
    """What is to be in the set: a pattern with parameters that keep it small, `method` '' where it starts no processes."""

    name: str
    params: Mapping[str, object] = field(default_factory=dict)
    method: str = ""

    def command(self) -> str:
        """The command that records it."""
        words = ["simcore record", self.name, *(f"-p {key}={spelled(value)}" for key, value in self.params.items())]
        return " ".join([*words, *([f"--start-method {self.method}"] if self.method else [])])


THREADS: Mapping[str, tuple[Mapping[str, object], ...]] = {
    "barrier": ({"players": 5, "seats": 2},),
    "bounded-semaphore": ({"guests": 4, "seats": 2},),
    "condition": ({"items": 4}, {"items": 4, "style": "if"}),
    "count-threads": ({"workers": 3},),
    "daemon-thread": ({}, {"fixed": True}),
    "data-race": (
        *({"style": style, "updates": 4} for style in ("call", "attribute", "augmented", "item", "global", "closure")),
        {"updates": 4, "fixed": True},
    ),
    "deadlock-abba": ({}, {"fixed": True}),
    "dining-philosophers": ({"seats": 3}, {"seats": 3, "rounds": 1, "fixed": True}),
    "double-checked-locking": ({}, {"fixed": True}),
    "event": ({"cars": 2},),
    "gil-convoy": ({"rounds": 3},),
    "lost-wakeup": ({}, {"fixed": True}),
    "mutex": ({"workers": 2, "rounds": 5},),
    "pipeline": ({"numbers": 6, "zero_at": 3}, {"numbers": 6, "zero_at": 3, "fixed": True}),
    "readers-writers": ({"readers": 2}, {"readers": 2, "fixed": True}),
    "recursive-mutex": ({"rounds": 2}, {"lock": "Lock"}),
    "recursive-mutex-leak": ({}, {"fixed": True}),
    "simple-thread": ({"start": 3},),
    "subprocess-pipeline": ({"numbers": 50},),
    "subprocess-run": ({},),
    "thread-local": ({}, {"style": "global"}),
    "thread-pool-executor": ({"tasks": 5},),
    "thread-subclass": ({"first": 3}, {"first": 3, "call": "run"}),
    "timer": ({},),
}
"""Patterns without processes of their own, each with its bug and its fix where it has them."""

PROCESSES: Mapping[str, tuple[Mapping[str, object], ...]] = {
    "fork-while-locked": ({}, {"fixed": True}),
    "manager": ({"workers": 1},),
    "named-shared-memory": ({"pause_s": 0.002}, {"pause_s": 0.002, "locked": False}),
    "os-fork": ({},),
    "process": ({},),
    "process-lock": ({"workers": 3}, {"workers": 2, "lock": "module"}),
    "process-pipe": ({}, {"writers": 2}),
    "process-pool": ({"workers": 2, "tasks": 4},),
    "process-pool-executor": ({"tasks": 3},),
    "process-queue": ({"text": "pipe"},),
    "remote-manager": ({"workers": 1, "numbers": 2},),
    "rng-after-fork": ({}, {"fixed": True}),
    "shared-memory-manager": ({"items": 4},),
    "shared-value-array": ({"rounds": 5}, {"rounds": 5, "style": "raw"}),
    "threads-in-processes": ({"rounds": 2},),
}
"""Patterns of processes: each under fork and under spawn, unless it is for one of them only."""


def cases() -> Iterator[Case]:
    """All that is to be in the set."""
    for name, variants in THREADS.items():
        yield from (Case(name, params) for params in variants)
    for name, variants in PROCESSES.items():
        for params in variants:
            yield from (Case(name, params, method) for method in METHODS if method in PATTERNS[name].start_methods)


def recordings(minor: str) -> list[Trace]:
    """All of one Python minor, of whatever format version."""
    return [Trace.load(path) for path in sorted(HERE.glob(f"v*/{minor}/*.simtrace"))]


def is_of(trace: Trace, case: Case) -> bool:
    """Whether it is a recording of this case, made when the pattern's file was as it is now."""
    scenario, pattern = trace.header.scenario, PATTERNS[case.name]
    digest = hashlib.sha256(Path(pattern.file).read_bytes()).hexdigest()
    wanted = (case.name, pattern.choose(case.params), case.method)
    return (scenario.name, scenario.params, scenario.start_method) == wanted and digest in trace.header.files.values()


def make(case: Case) -> Path:
    """Record a case, take out what is this machine's, and note in MANIFEST.md how it was made."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            trace = simcore.record(
                case.name,
                params=dict(case.params),
                quiet=True,
                switch_interval_s=SWITCH_INTERVAL_S,
                start_method=case.method or None,
            )
        finally:
            os.chdir(before)
    if not trace.as_expected:
        raise SystemExit(f"{case.command()} ended {trace.outcome.word}, which is not what the pattern expects: nothing was added")
    path = add(trace)
    with MANIFEST.open("a", encoding="utf-8") as manifest:
        made = f"`{case.command()}` at a switch interval of 10 us, {core_name()}"
        manifest.write(f"| {path.relative_to(HERE)} | {made} | {len(trace)} | {trace.outcome.word} |\n")
    return path


def add(trace: Trace) -> Path:
    """Save a trace beside those that there are, without what is this machine's."""
    scenario = replace(trace.header.scenario, cwd="")
    header = replace(trace.header, scenario=scenario, root="", executable=PYTHON, git_commit="", git_dirty=False)
    folder = HERE / f"v{FORMAT_VERSION}" / header.minor
    folder.mkdir(parents=True, exist_ok=True)
    taken = [int(path.stem.rpartition("-")[2]) for path in folder.glob(f"{scenario.name}-[0-9]*.simtrace")]
    texts = [without_places(text, trace.header.executable) for text in trace.texts]
    return replace(trace, header=header, texts=texts).save(folder / f"{scenario.name}-{max(taken, default=0) + 1}.simtrace")


def without_places(text: str | bytes, executable: str) -> str | bytes:
    """A text without where simcore, its patterns and the interpreter lie: in tracebacks and command lines."""
    if isinstance(text, bytes):
        return text
    if text.startswith(f"{executable} "):
        text = PYTHON + text.removeprefix(executable)
    for file in (simcore.__file__, os.__file__, *(pattern.file for pattern in PATTERNS.values())):
        text = text.replace(f"{Path(file).resolve().parents[1]}{os.sep}", "")
    return text


def main() -> None:
    """Read the command line and make what it asks for."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("name", nargs="?", metavar="NAME", help="a pattern")
    options.add_argument("-p", dest="params", action="append", default=[], metavar="NAME=VALUE", help="a parameter of it")
    options.add_argument("--start-method", default="", metavar="METHOD")
    options.add_argument("--missing", action="store_true", help="all that the set lacks for this Python")
    asked = options.parse_args()
    if asked.missing == bool(asked.name):
        options.error("name a pattern, or ask for what is --missing")
    if asked.name:
        wanted = [Case(asked.name, split_assignments(asked.params), asked.start_method)]
    else:
        there = recordings(running_minor())
        wanted = [case for case in cases() if not any(is_of(trace, case) for trace in there)]
    for case in wanted:
        path = make(case)
        print(f"{path.stat().st_size:>7}  {path.relative_to(HERE)}  {case.command()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
