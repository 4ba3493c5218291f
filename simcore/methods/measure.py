"""Runs a program under each start method, round robin, and reads what its processes have seen."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simcore.engine.family import kill_family
from simcore.engine.launch import HOME
from simcore.errors import InternalError, UsageError
from simcore.methods.model import Column, Comparison, Facts, Run
from simcore.methods.rows import METHODS
from simcore.methods.seen import children_of, read_events
from simcore.methods.verdicts.globals_ import has_lonely

BOOT: Final = HOME / "simcore" / "methods" / "inside" / "boot"
TIMEOUT_S: Final = 60.0
_GRACE_S: Final = 2.0
_TICK_S: Final = 0.01
_LINGER_S: Final = 1.0
_ABOUT: Final = 200
_HANGS: Final = 2
_MOST_OUTPUT: Final = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run and how. `command` are the words, `text` what its standard input is, or None for nothing.

    `duration_s` ends a service with SIGTERM so long after its start, or after `ready` stood in its output.
    """

    command: Sequence[str]
    shown: str
    text: bytes | None = None
    cwd: str | None = None
    methods: Sequence[str] = METHODS
    runs: int = 7
    barrier: bool = False
    duration_s: float | None = None
    ready: str = ""
    timeout_s: float = TIMEOUT_S
    probes: Sequence[Facts] = ()


def labels_of(methods: Sequence[str]) -> list[str]:
    """A label for each column: `fork`, `spawn`; `fork`, `fork (2)`. Raises: UsageError."""
    if sys.platform == "win32":
        raise UsageError("comparing start methods needs Linux or macOS; this is Windows, which has spawn only")
    labels: list[str] = []
    for method in methods:
        if method not in METHODS:
            raise UsageError(
                f"--methods has {method!r}, expected some of {', '.join(METHODS)}", "write it as --methods fork,spawn"
            )
        again = sum(label.partition(" ")[0] == method for label in labels)
        labels.append(f"{method} ({again + 1})" if again else method)
    if not 2 <= len(labels) <= 4:
        raise UsageError(
            f"--methods names {len(labels)}, expected 2 to 4", "one method twice shows what is noise: --methods fork,fork"
        )
    return labels


def measure(plan: Plan, *, each_run: Callable[[str], None] = lambda _label: None) -> Comparison:
    """Run it all; `each_run` is called with a label before each run. Blocks. Raises: UsageError, InternalError."""
    columns = [Column(label, method) for label, method in zip(labels_of(plan.methods), plan.methods, strict=True)]
    with _folder() as folder:
        bench = _Bench(plan, folder)
        for column in columns:
            each_run(column.label)
            column.states.append(bench.run(column.method, state=True))
        group = max((_group(column.states[0]) for column in columns), default=0) if plan.barrier else 0
        for _ in range(plan.runs):
            for column in columns:
                if sum(run.reason == "timeout" for run in column.all_runs) >= _HANGS:
                    continue  # it will hang again, and each time takes as long as one is willing to wait
                each_run(column.label)
                column.runs.append(bench.run(column.method, state=False, group=group))
        if any(map(has_lonely, columns)):
            # Whether a value is computed at import shows only in two children, or else in two runs.
            for column in columns:
                each_run(column.label)
                column.states.append(bench.run(column.method, state=True))
    programs = [event for column in columns for run in column.all_runs for event in run.of("program")]
    if not programs:
        raise InternalError(
            "no Python came up in this program that could be looked at",
            "is it Python 3.11 or later, and does it load `site` and read PYTHONPATH (no -I, -E, -S)?",
        )
    return Comparison(
        program=plan.shown,
        python=f"{platform.python_implementation()} {programs[0]['python']}",
        columns=columns,
        runs=plan.runs,
        barrier=plan.barrier,
        load=os.getloadavg()[0],
        cpus=os.cpu_count() or 1,
        probes=list(plan.probes),
        hidden=frozenset(
            value
            for column in columns
            for run in column.states
            for child in run.children.values()
            for facts in (child.facts, child.parent.get("facts", {}))
            for value in facts.get("environment", {}).values()
        ),
        salt=bench.salt,
    )


def run_count(plan: Plan) -> int:
    """How many times the program is going to be run, at most."""
    return len(plan.methods) * (plan.runs + 2)


def _group(run: Run) -> int:
    """How many children are started before the first is waited for."""
    joins = [event["at"] for event in run.of("join")]
    before = min(joins, default=1 << 63)
    return sum(child.called < before for child in run.children.values() if child.ran and child.name.count(".") == 1)


@contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="simcore-compare-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class _Bench:
    """Runs the program, each time in a folder of its own; one salt for all, so that digests can be compared."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan, self._folder = plan, folder
        self.salt = os.urandom(16)
        self._number = 0

    def run(self, method: str, *, state: bool, group: int = 0) -> Run:
        self._number += 1
        folder = self._folder / str(self._number)
        folder.mkdir(mode=0o700)
        (folder / "salt").write_bytes(self.salt)
        plan = self._plan
        began = time.monotonic()
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = _start(plan, self._environment(folder, method, state, group), out.fileno(), err.fileno())
            reason, ready_ms = "interrupted", None
            try:
                reason, ready_ms = _wait(process, plan, folder / "out", began)
            finally:
                if process.poll() is None:
                    kill_family(process.pid)
                process.wait()
                wall_ms = (time.monotonic() - began) * 1e3
                _sweep(folder, ended=bool(reason))
        events = read_events(folder)
        run = Run(
            exit_code=None if reason == "timeout" else process.returncode,
            reason=reason,
            wall_ms=wall_ms,
            out=_text(folder / "out").splitlines(),
            last_error=_last_error(_text(folder / "err")),
            ready_ms=ready_ms,
            children=children_of(events),
            events=events,
            barrier_broken=(folder / "broken").exists(),
        )
        shutil.rmtree(folder, ignore_errors=True)
        return run

    def _environment(self, folder: Path, method: str, state: bool, group: int) -> dict[str, str]:
        result = {key: value for key, value in os.environ.items() if not key.startswith("SIMCORE_") or key == "SIMCORE_PLUGINS"}
        given = result.get("PYTHONPATH")
        result["PYTHONPATH"] = os.pathsep.join([str(BOOT), *([given] if given else [])])
        result |= {"SIMCORE_COMPARE": str(folder), "SIMCORE_HOME": str(HOME), "SIMCORE_COMPARE_METHOD": method}
        if state:
            result["SIMCORE_COMPARE_STATE"] = "1"
            if self._plan.probes:
                result["SIMCORE_COMPARE_PROBES"] = json.dumps(
                    [[probe["file"], probe["module"], probe["qualname"], probe["title"]] for probe in self._plan.probes]
                )
        if group > 1:
            result["SIMCORE_COMPARE_GROUP"] = str(group)
        return result


def _start(plan: Plan, env: dict[str, str], out: int, err: int) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            list(plan.command),
            env=env,
            cwd=plan.cwd,
            stdin=subprocess.DEVNULL if plan.text is None else subprocess.PIPE,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(
            f"{plan.command[0]!r} cannot be started: {error.strerror}",
            "name a program on PATH; Python files run as: python FILE.py",
        ) from None
    if process.stdin is not None:
        try:
            process.stdin.write(plan.text or b"")
            process.stdin.close()
        except OSError:
            pass  # it does not read it
    return process


def _wait(process: subprocess.Popen[bytes], plan: Plan, out: Path, began: float) -> tuple[str, float | None]:
    """Wait for the end; why we ended it, and when it was ready."""
    ready_at: float | None = None if plan.ready else began
    while process.poll() is None:
        now = time.monotonic()
        if ready_at is None and plan.ready in _text(out):
            ready_at = now
        if plan.duration_s is not None and ready_at is not None and now - ready_at >= plan.duration_s:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                pass
            return "duration", _since(ready_at, began, plan)
        if now - began >= plan.timeout_s + (plan.duration_s or 0):
            return "timeout", _since(ready_at, began, plan)
        try:
            process.wait(_TICK_S)
        except subprocess.TimeoutExpired:
            pass
    if ready_at is None and plan.ready in _text(out):
        ready_at = time.monotonic()
    return "", _since(ready_at, began, plan)


def _since(at: float | None, began: float, plan: Plan) -> float | None:
    return None if at is None or not plan.ready else (at - began) * 1e3


def _sweep(folder: Path, *, ended: bool) -> None:
    """End what the program left behind. A fork server and a resource tracker end by themselves in a moment; the tracker is let,
    for it unlinks semaphores. Who was `ended` by us leaves its children to nobody."""
    late = time.monotonic() + (0 if ended else _LINGER_S)
    while (left := _left(folder)) and time.monotonic() < late:
        time.sleep(_TICK_S)
    for pid, is_tracker in left:
        if not is_tracker:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass  # it has just ended
    late = time.monotonic() + _LINGER_S
    while _left(folder) and time.monotonic() < late:
        time.sleep(_TICK_S)


def _left(folder: Path) -> list[tuple[int, bool]]:
    """Processes of this run that still exist, and which are resource trackers."""
    mark = f"SIMCORE_COMPARE={folder}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                words = (entry / "cmdline").read_bytes()
                found.append((int(entry.name), b"multiprocessing.resource_tracker" in words))
        except (OSError, ValueError):
            continue
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_OUTPUT).decode("utf-8", "replace")
    except OSError:
        return ""


def _last_error(text: str) -> str:
    """The name of the exception that the last traceback ends with; its message is the program's own."""
    for line in reversed(text.splitlines()):
        name = line.strip().partition(":")[0]
        if name.isascii() and name.replace(".", "").isidentifier() and name.endswith(("Error", "Exception", "Exit", "Interrupt")):
            return name[:_ABOUT]
    return ""
