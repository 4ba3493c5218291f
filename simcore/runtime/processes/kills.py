"""Signals from one process to another, and what else names a process by its pid.

In replay a process that was recorded itself gets only what it has a handler for, which runs where the trace has it. What killed
it is sent at the turn that saw it dead: sent at its own turn, it would cut off what the other still did before it came in.
"""

import os
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.actors import Actor, acting
from simcore.runtime.coming import coming
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import pids
from simcore.runtime.processes.waiting import children
from simcore.runtime.sites import site_of
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

_PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))
_real_killpg = getattr(os, "killpg", None)


def _kill(pid: int, signal: int, /) -> None:
    """As `os.kill`."""
    actor = acting()
    try:
        if actor is None or not isinstance(pid, int) or not signal or pid == os.getpid():
            originals.kill(pids.real(pid) if isinstance(pid, int) else pid, signal)
        else:
            _send(actor, pid, int(signal), site_of(get_frame(1)))
    except BaseException as error:
        hide(error)
        raise


def _send(actor: Actor, pid: int, signal: int, site: int) -> None:
    """To another process, or (a pid below 1) to a group. The record comes first, for the other may act on it at once."""
    child = children.get(pid)
    number = _PROCESS if child is None else child.object_id
    gate.current.give(actor, Kind.KILL, number, site, signal)
    try:
        if not gate.current.following:
            originals.kill(pid, signal)
        elif refused := _refused(actor, number):
            raise OSError(refused, os.strerror(refused))
        elif pid and pids.reaches(abs(pid), signal):
            try:
                originals.kill(pids.real(pid) if pid > 0 else -pids.real(-pid), signal)
            except OSError:
                pass  # it has ended a little earlier this time
    except OSError as error:
        gate.current.gave(actor)
        gate.current.give(actor, Kind.UNDO, number, site, error.errno or 0)
        raise
    finally:
        gate.current.gave(actor)


def _refused(actor: Actor, number: int) -> int:
    """In replay: the error number with which the signal could not be sent when it was recorded, or 0; the trace has it next."""
    following = coming(actor)
    return following.value if following is not None and following.kind == Kind.UNDO and following.object_id == number else 0


def _killpg(pgid: int, signal: int, /) -> None:
    """As `os.killpg`."""
    actor = acting()
    try:
        if actor is None or not isinstance(pgid, int) or not signal or pgid <= 1:
            assert _real_killpg is not None
            _real_killpg(pids.real(pgid) if isinstance(pgid, int) else pgid, signal)
        else:
            _send(actor, -pgid, int(signal), site_of(get_frame(1)))
    except BaseException as error:
        hide(error)
        raise


def _by_pid(real: Any, tells: bool) -> Any:
    """A function that takes pids; `tells` when it gives one, too."""

    def replaced(*arguments: Any) -> Any:
        try:
            answer = real(*(pids.real(one) if isinstance(one, int) else one for one in arguments))
            return pids.told(answer) if tells else answer
        except BaseException as error:
            hide(error)
            raise

    return replaced


def install(patches: Patches) -> None:
    """Put the replacements in place."""
    patches.set(os, "kill", _kill)
    patches.set(os, "killpg", _killpg)
    if gate.current.following:
        for name, tells in (("getpgid", True), ("getsid", True), ("getpgrp", True), ("setpgid", False)):
            patches.set(os, name, _by_pid(getattr(os, name), tells))
        if hasattr(os, "pidfd_open"):
            real = os.pidfd_open
            patches.set(os, "pidfd_open", lambda pid, flags=0: real(pids.real(pid), flags))
