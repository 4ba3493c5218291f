"""Starts a program under the runtime, lets it run, and says how it ended. Knows nothing of traces."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from simcore.errors import UsageError

HOME = Path(__file__).resolve().parents[2]
"""The folder that holds the package `simcore`: the program loads the runtime from here."""

BOOT = HOME / "simcore" / "runtime" / "boot"

TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class End:
    """How a program ended: its exit code (-n for a signal), and why simcore ended it (`deadlock`, `timeout`...), or empty.

    `interrupted` is the signal that the controller got meanwhile, 0 for none.
    """

    exit_code: int
    reason: str
    interrupted: int
    started_ns: int
    ended_ns: int


def environment(run: Path, mode: str, settings: Mapping[str, str], hash_seed: int) -> dict[str, str]:
    """The program's environment: the caller's, with the boot folder first on PYTHONPATH and the run named."""
    result = {key: value for key, value in os.environ.items() if not key.startswith("SIMCORE_") or key == "SIMCORE_PLUGINS"}
    rest = [entry for entry in result.get("PYTHONPATH", "").split(os.pathsep) if entry and Path(entry) != BOOT]
    result["PYTHONPATH"] = os.pathsep.join([str(BOOT), *rest])
    result["PYTHONHASHSEED"] = str(hash_seed)
    result["SIMCORE_RUN"] = str(run)
    result["SIMCORE_HOME"] = str(HOME)
    result["SIMCORE_MODE"] = mode
    result.update(settings)
    return result


class _Signals:
    """Signals that reach the controller while a program runs: they are the program's affair, so it is told and waited for.

    A Ctrl-C of the terminal reaches both by itself and is not passed on; a signal sent to the controller alone is.
    """

    def __init__(self) -> None:
        self.got = 0
        self.count = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "_Signals":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)  # type: ignore[arg-type]

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        self.got, self.count = number, self.count + 1
        if self.process is not None and not (number == signal.SIGINT and _same_terminal(self.process.pid) and self.count == 1):
            self.process.send_signal(number if self.count < 3 else signal.SIGKILL)


def _same_terminal(pid: int) -> bool:
    """Whether a Ctrl-C reaches that process without our doing: it is in the terminal's foreground group, as we are."""
    try:
        with open("/dev/tty", "rb") as tty:
            return os.tcgetpgrp(tty.fileno()) == os.getpgid(pid) == os.getpgrp()
    except OSError:
        return False


def run(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    cwd: str | None = None,
    quiet: bool = False,
    timeout_s: float | None = None,
    each_tick: Callable[[int], str],
    tick_s: float = TICK_S,
) -> End:
    """Run a command to its end. Blocks; calls `each_tick(pid)` every `tick_s`: a reason other than '' ends the program with SIGKILL.

    Raises: UsageError when the command cannot be started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.monotonic_ns()
    with _Signals() as signals:
        null: IO[bytes] | None = open(os.devnull, "r+b") if quiet else None
        try:
            process = subprocess.Popen(list(command), env=dict(env), cwd=cwd, stdin=null, stdout=null, stderr=null)
        except FileNotFoundError:
            raise UsageError(f"there is no command {command[0]!r}", "name a program on PATH, or a path to one") from None
        except PermissionError:
            raise UsageError(f"{command[0]!r} cannot be executed", "is it executable? python files run as: python FILE.py") from None
        except OSError as error:
            raise UsageError(f"{command[0]!r} cannot be started: {error.strerror}", "try to run it without simcore") from None
        finally:
            if null is not None:
                null.close()
        signals.process = process
        reason = ""
        try:
            reason = _wait(process, timeout_s, each_tick, tick_s, started)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    return End(process.returncode, reason, signals.got, started, time.monotonic_ns())


def _wait(
    process: "subprocess.Popen[bytes]", timeout_s: float | None, each_tick: Callable[[int], str], tick_s: float, started: int
) -> str:
    ended = select.poll()
    watched = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else -1
    try:
        if watched >= 0:
            ended.register(watched, select.POLLIN)
        while True:
            if watched >= 0:
                ended.poll(tick_s * 1000)
            else:
                try:
                    process.wait(tick_s)
                except subprocess.TimeoutExpired:
                    pass
            if process.poll() is not None:
                return ""
            reason = each_tick(process.pid)
            if not reason and timeout_s is not None and time.monotonic_ns() - started > timeout_s * 1e9:
                reason = "timeout"
            if reason:
                process.kill()
                return reason
    finally:
        if watched >= 0:
            os.close(watched)
