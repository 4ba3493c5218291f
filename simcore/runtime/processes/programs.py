"""What `os` itself executes: `posix_spawn`, `system`, and `exec`, by which a process goes on as another program.

A process that executes a Python in its own place announces it as its child: the two share a pid, but what the first did stays in
the trace. `os.system` is done with `posix_spawn`, since the child's environment has to be its own.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from sys import _getframe as get_frame
from types import FrameType
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.actors import Actor, acting, publish, unpublish
from simcore.runtime.frames import hide, wait_in_c
from simcore.runtime.patches import Patches
from simcore.runtime.processes import pids
from simcore.runtime.processes.birth import Birth, told_pid
from simcore.runtime.processes.executed import Starting, environment, program_name
from simcore.runtime.processes.waiting import children, make_end
from simcore.runtime.sites import site_of
from simcore.trace.events import Kind

_real_execve = os.execve
_real_spawn: Callable[..., int] = getattr(os, "posix_spawn", lambda *_, **__: 0)
_real_system: Callable[[Any], int] = os.system
_SHELL = "/bin/sh"
_IGNORED = (signal.SIGINT, signal.SIGQUIT)
"""Signals that `system` ignores while it waits."""


def _entries(env: Any) -> list[bytes] | None:
    return None if env is None else [os.fsencode(key) + b"=" + os.fsencode(value) for key, value in env.items()]


def _told(env: Any, child: Birth) -> dict[bytes, bytes]:
    """The environment that the program gives its child, None for our own, with ours in it."""
    pairs = (entry.partition(b"=") for entry in environment(_entries(env), str(child).encode()))
    return {key: value for key, _, value in pairs}


# posix_spawn --------------------------------------------------------------------------------------------------------------------


def _spawning(real: Callable[..., int]) -> Callable[..., int]:
    def replaced(path: Any, argv: Any, env: Any, /, **options: Any) -> int:
        actor = acting()
        try:
            if actor is None or not (env is None or hasattr(env, "items")):
                return real(path, argv, env, **options)  # raises as the original does
            with Starting(actor, site_of(get_frame(1)), program_name([path])) as starting:
                pid = real(path, argv, _told(env, starting.birth), **options)
            pid = told_pid(actor, starting.birth.object_id, pid)
            children[pid] = starting.birth
            return pid
        except BaseException as error:
            hide(error)
            raise

    return replaced


# system -------------------------------------------------------------------------------------------------------------------------


def _system(command: Any) -> int:
    """As `os.system`."""
    actor = acting()
    try:
        if actor is None or not isinstance(command, (str, bytes, os.PathLike)) or not os.path.exists(_SHELL):
            return _real_system(command)  # raises as the original does
        return _run_shell(actor, os.fsencode(command), site_of(get_frame(1)))
    except BaseException as error:
        hide(error)
        raise


def _run_shell(actor: Actor, command: bytes, site: int) -> int:
    if b"\0" in command:
        raise ValueError("embedded null byte")
    sys.audit("os.system", command)
    kept = _ignore_interrupts()
    try:
        with Starting(actor, site, program_name(command)) as starting:
            heard = [number for number in _IGNORED if kept.get(number) is not signal.SIG_IGN]
            words = ["sh", "-c", command]
            real = _real_spawn(_SHELL, words, _told(None, starting.birth), setsigdef=heard)
        told = told_pid(actor, starting.birth.object_id, real)
        return _see_end(actor, starting.birth, site, told)
    finally:
        for number, handler in kept.items():
            originals.signal_signal(number, handler)


def _ignore_interrupts() -> dict[int, Any]:
    """Ignore them, where this thread may; what there was before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {int(number): originals.signal_signal(number, signal.SIG_IGN) for number in _IGNORED}


def _see_end(actor: Actor, child: Birth, site: int, told: int) -> int:
    """Wait for the shell; its wait status."""
    want = gate.current.enter(actor, Kind.JOIN, child.object_id, site)
    value, waited, status = 0 if want is None else want, 0, 0
    try:
        if want is None:
            since = publish(actor, Kind.JOIN, child.object_id, site, timed=False)
            try:
                _, status = wait_in_c(originals.waitpid, pids.real(told), 0)
            finally:
                unpublish(actor)
            waited = (originals.monotonic_ns() - since) // 1000
            value = os.waitstatus_to_exitcode(status)
        else:
            make_end(child.index, told, want)
            _, status = originals.waitpid(pids.real(told), 0)
            ended = os.waitstatus_to_exitcode(status)
            gate.current.must(actor, ended == want, f"the command ended with {ended}, in the trace with {want}")
        return status
    finally:
        gate.current.leave(actor, Kind.JOIN, child.object_id, site, value, waited)


# exec ---------------------------------------------------------------------------------------------------------------------------


def _execv(path: Any, argv: Any, /) -> None:
    """As `os.execv`."""
    try:
        _replace(
            lambda told: _real_execve(path, argv, told) if told is not None else _real_execv(path, argv), path, None, get_frame(1)
        )
    except BaseException as error:
        hide(error)
        raise


def _execve(path: Any, argv: Any, env: Any) -> None:
    """As `os.execve`."""
    try:
        _replace(lambda told: _real_execve(path, argv, env if told is None else told), path, env, get_frame(1))
    except BaseException as error:
        hide(error)
        raise


_real_execv = os.execv


def _replace(execute: Callable[[Any], Any], path: Any, env: Any, frame: FrameType) -> None:
    actor = acting()
    if actor is None or not (env is None or hasattr(env, "items")) or not _may_work(path):
        execute(None)  # raises as the original does
        return
    with Starting(actor, site_of(frame), program_name([path] if not isinstance(path, int) else "")) as starting:
        told = _told(env, starting.birth)
        gate.current.gave(actor)  # what comes next of this actor is nothing
        execute(told)


def _may_work(path: Any) -> bool:
    """Whether it can be executed, as far as can be seen: `execvp` tries all the folders of PATH."""
    try:
        return isinstance(path, int) or (os.path.isfile(path) and os.access(path, os.X_OK))
    except (TypeError, ValueError, OSError):
        return False


def install(patches: Patches) -> None:
    """Put the replacements in place."""
    for name in ("posix_spawn", "posix_spawnp"):
        if hasattr(os, name):
            patches.set(os, name, _spawning(getattr(os, name)))
    patches.set(os, "system", _system)
    patches.set(os, "execv", _execv)
    patches.set(os, "execve", _execve)
