"""Starts a program under the runtime, lets it run, and says how it ended. Knows nothing of traces."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simcore.engine.family import kill_family, watch
from simcore.engine.passing import Passing
from simcore.errors import UsageError

HOME: Final = Path(__file__).resolve().parents[2]
"""The folder that holds the package `simcore`: the program loads the runtime from here."""

BOOT: Final = HOME / "simcore" / "runtime" / "boot"

TICK_S: Final = 0.1
_LINGER_TICK_S: Final = 0.005


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


_KEPT = ("SIMCORE_PLUGINS", "SIMCORE_PURE")


def environment(run: Path, mode: str, settings: Mapping[str, str], hash_seed: int) -> dict[str, str]:
    """The program's environment: the caller's, with the boot folder first on PYTHONPATH and the run named."""
    result = {key: value for key, value in os.environ.items() if not key.startswith("SIMCORE_") or key in _KEPT}
    given = result.get("PYTHONPATH")
    rest = [entry for entry in given.split(os.pathsep) if not entry or Path(entry) != BOOT] if given else []
    result["PYTHONPATH"] = os.pathsep.join([str(BOOT), *rest])
    result["PYTHONHASHSEED"] = str(hash_seed)
    result["SIMCORE_RUN"] = str(run)
    result["SIMCORE_HOME"] = str(HOME)
    result["SIMCORE_MODE"] = mode
    result.update(settings)
    return result


def run(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    cwd: str | None = None,
    quiet: bool = False,
    timeout_s: float | None = None,
    each_tick: Callable[[int], str],
    tick_s: float = TICK_S,
    has_heard: Callable[[int, int], bool] | None = None,
    ends_at_signal: bool = False,
    lingers: Callable[[], bool] | None = None,
) -> End:
    """Run a command to its end. Blocks; calls `each_tick(pid)` every `tick_s`: a reason other than '' ends the program.

    What simcore ends it ends with SIGKILL, child processes included. A signal to us is passed on, unless `has_heard(signal,
    since_ns)` says that the program got it by itself, as it does a Ctrl-C of the terminal; or it ends the program when
    `ends_at_signal`. When the program has ended, processes that it leaves behind are waited for while `lingers()`.

    Raises: UsageError when the command cannot be started.
    """
    _flush()
    started = time.monotonic_ns()
    with Passing(has_heard) as signals:
        process = _start(command, env, cwd, quiet)
        signals.process = process
        reason = ""
        try:
            reason = _wait(process, started, timeout_s, tick_s, each_tick, signals, ends_at_signal)
            while not reason and lingers is not None and not signals.got and lingers():
                time.sleep(_LINGER_TICK_S)
        finally:
            if process.poll() is None:
                kill_family(process.pid)
            process.wait()
    return End(process.returncode, reason, signals.got, started, time.monotonic_ns())


def _flush() -> None:
    """What we have written stands before what the program writes."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            pass  # nobody reads it any more, or it is closed


def _start(command: Sequence[str], env: Mapping[str, str], cwd: str | None, quiet: bool) -> "subprocess.Popen[bytes]":
    streams = subprocess.DEVNULL if quiet else None
    try:
        # Descriptors that are inheritable are meant to be inherited: `-- python app.py <(other command)`.
        return subprocess.Popen(
            list(command), env=dict(env), cwd=cwd, stdin=streams, stdout=streams, stderr=streams, close_fds=False
        )
    except FileNotFoundError:
        if cwd is not None and not Path(cwd).is_dir():
            raise UsageError(f"there is no folder {cwd}, in which {command[0]!r} is to run", "make it, or record again") from None
        raise UsageError(f"there is no command {command[0]!r}", "name a program on PATH, or a path to one") from None
    except PermissionError:
        raise UsageError(f"{command[0]!r} cannot be executed", "is it executable? python files run as: python FILE.py") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{command[0]!r} cannot be started: {why}", "try to run it without simcore") from None


def _wait(
    process: "subprocess.Popen[bytes]",
    started: int,
    timeout_s: float | None,
    tick_s: float,
    each_tick: Callable[[int], str],
    signals: Passing,
    ends_at_signal: bool,
) -> str:
    """Wait for the end of a process, looking after it meanwhile; why it is to be ended, or ''."""
    deadline = None if timeout_s is None else started / 1e9 + timeout_s
    ended = select.poll()
    watched = watch(process.pid)
    try:
        if watched >= 0:
            ended.register(watched, select.POLLIN)
        while True:
            pause_s = tick_s if deadline is None else max(min(tick_s, deadline - time.monotonic()), 0.001)
            if watched >= 0:
                ended.poll(pause_s * 1000)
            else:
                try:
                    process.wait(pause_s)
                except subprocess.TimeoutExpired:
                    pass
            if process.poll() is not None:
                return ""
            signals.pass_on()
            if signals.got and ends_at_signal:
                return "interrupted"
            reason = each_tick(process.pid)
            if not reason and deadline is not None and time.monotonic() >= deadline:
                reason = "timeout"
            if reason:
                return reason
    finally:
        if watched >= 0:
            os.close(watched)
