"""Runs one program three ways:

plain, recorded, replayed, each with its own stdin, stdout and stderr, and hands back what came of it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import simcore
from simcore.engine.replaying import Replay
from simcore.trace.events import Kind, Verdict
from simcore.trace.model import Trace

TIMEOUT_S = 30.0
"""No program under test runs nearly as long; it ends one that hangs."""


@dataclass(frozen=True)
class Ran:
    """What a run gave: the bytes of both streams, and the exit code (-n for a signal)."""

    out: bytes
    err: bytes
    code: int | None


@dataclass
class _Streams:
    out: bytes = b""
    err: bytes = b""
    files: list[int] = field(default_factory=list)


def written(source: str, name: str = "program.py") -> str:
    """Write a program to the working directory; its name."""
    Path(name).write_text(dedent(source), encoding="utf-8")
    return name


def words_of(source: str | Sequence[str]) -> list[str]:
    """The command that runs a source text; a list of words is a command already, its interpreter left out."""
    return [sys.executable, written(source)] if isinstance(source, str) else [sys.executable, *source]


@contextmanager
def _streams(stdin: bytes) -> Iterator[_Streams]:
    """Our own file descriptors 0 to 2 go to files meanwhile: the controller lets its program inherit them."""
    result = _Streams()
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        kept = [os.dup(number) for number in (0, 1, 2)]
        try:
            for number, file in enumerate((given, out, err)):
                os.dup2(file.fileno(), number)
            yield result
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, old in enumerate(kept):
                os.dup2(old, number)
                os.close(old)
            out.seek(0)
            err.seek(0)
            result.out, result.err = out.read(), err.read()


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def two_busy_loops() -> Iterator[None]:
    """Two processes beside us that want all of the processor."""
    loops = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(2)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def plain(source: str | Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
    """Run it without simcore, with the hash seed that a recording has."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", **(env or {})}
    done = subprocess.run(words_of(source), input=stdin, capture_output=True, env=environment, timeout=TIMEOUT_S, check=False)
    return Ran(done.stdout, done.stderr, done.returncode)


def record(
    source: str | Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None, **options: object
) -> tuple[Trace, Ran]:
    """Record it; the trace and what the run gave."""
    with _environment({"PYTHONHASHSEED": "0", **(env or {})}), _streams(stdin) as streams:
        trace = simcore.record(words_of(source), timeout_s=TIMEOUT_S, **options)  # type: ignore[arg-type]
    return trace, Ran(streams.out, streams.err, trace.ending.exit_code)


def replay(trace: Trace, *, stdin: bytes = b"", env: Mapping[str, str] | None = None, times: int = 1) -> tuple[Replay, Ran]:
    """Replay it; the answer and what the (last) run gave."""
    with _environment({"PYTHONHASHSEED": "0", **(env or {})}), _streams(stdin) as streams:
        answer = simcore.replay(trace, times=times, quiet=False)
    return answer, Ran(streams.out, streams.err, answer.runs[-1].trace.ending.exit_code)


def faithful(
    source: str, *, recordings: int = 1, replays: int = 1, switch_interval_s: float | None = 1e-5, **options: object
) -> Trace:
    """Record a program and replay it, several times; fails unless each replay did the same and wrote the same. The last trace."""
    for _ in range(recordings):
        trace, ran = record(source, switch_interval_s=switch_interval_s, **options)
        for _ in range(replays):
            answer, again = replay(trace)
            assert_same(answer)
            assert (again.out, again.err, again.code) == (ran.out, ran.err, ran.code)
    return trace


def assert_same(answer: Replay) -> None:
    """The replay did what was recorded, its writes included; what it did instead is in the failure."""
    for run in answer.runs:
        assert run.divergence is None, f"{run.divergence}  {run.divergence.reason}  {run.divergence.stack}"
        assert run.differs == ""
        assert (run.writes_added, run.writes_removed, run.writes_changed) == (0, 0, 0)
    assert answer.verdict is Verdict.SAME


def kinds(trace: Trace, actor: str = "") -> list[Kind]:
    """The kinds of events, in order, of all or of one actor."""
    return [event.kind for event in (trace.of_actor(actor) if actor else trace)]
