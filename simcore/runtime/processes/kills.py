"""Signals from one process to another, and what else names a process by its pid.

In replay none is sent to a process that is recorded itself: its handlers run where the trace has them, and what killed it is sent
at the turn that saw it dead. To send one at its turn would cut off what the other still did before it came in.
"""

import os
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.actors import Actor, acting, site_of
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import pids
from simcore.runtime.processes.waiting import children
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

_PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))
_real_killpg = getattr(os, "killpg", None)


def _kill(pid: int, signal: int, /) -> None:
    """As `os.kill`."""
    actor = acting()
    try:
        if actor is None or not isinstance(pid, int) or not signal or pid == os.getpid():
            originals.kill(pids.real(pid) if isinstance(pid, int) else pid, signal)
        elif pid in children:
            _send_to_child(actor, pid, int(signal), site_of(get_frame(1)))
        else:
            _send(actor, pid, int(signal), site_of(get_frame(1)))
    except BaseException as error:
        hide(error)
        raise


def _send_to_child(actor: Actor, pid: int, signal: int, site: int) -> None:
    """It is there: nobody else can have waited for it. So the record can come first."""
    gate.current.give(actor, Kind.KILL, children[pid].object_id, site, signal)
    try:
        if not (gate.current.following and pids.is_recorded(pid)):
            originals.kill(pids.real(pid), signal)
    finally:
        gate.current.gave(actor)


def _send(actor: Actor, pid: int, signal: int, site: int) -> None:
    """To any other process, or (a pid below 1) to a group."""
    want = gate.current.enter(actor, Kind.KILL, _PROCESS, site)
    value = signal if want is None else want
    try:
        if value < 0:
            raise OSError(-value, os.strerror(-value))
        if want is None or not (pid == 0 or pids.is_recorded(abs(pid))):
            try:
                originals.kill(pids.real(pid) if pid >= 0 else -pids.real(-pid), signal)
            except OSError as error:
                if want is None:
                    value = -(error.errno or 0)
                    raise
    finally:
        gate.current.leave(actor, Kind.KILL, _PROCESS, site, value)


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
