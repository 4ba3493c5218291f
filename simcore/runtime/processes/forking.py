"""`os.fork` and `os.forkpty`: the child begins as the actor that was announced, before any code of the program's.

`os.forkpty` gives the child a terminal of its own, and is a fork in all else.
"""

import os
from collections.abc import Callable
from sys import _getframe as get_frame
from types import FrameType
from typing import Any

from simcore.runtime import forks, gate, originals
from simcore.runtime.actors import Actor, here
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import kills, programs, waiting
from simcore.runtime.processes.birth import Birth, announce, begin, told_pid
from simcore.runtime.processes.waiting import children, make_end
from simcore.runtime.sites import site_of

_real_forkpty: Callable[[], tuple[int, int]] = getattr(os, "forkpty", lambda: (-1, -1))


def _fork() -> int:
    """As `os.fork`."""
    try:
        pid: int = _forked(originals.fork, get_frame(1))[0]
        return pid
    except BaseException as error:
        hide(error)
        raise


def _forkpty() -> tuple[int, int]:
    """As `os.forkpty`."""
    try:
        pid, number = _forked(_real_forkpty, get_frame(1))
        return pid, number
    except BaseException as error:
        hide(error)
        raise


def _forked(real: Callable[[], Any], frame: FrameType) -> tuple[int, ...]:
    actor = here()
    if actor is None or (actor.raw and actor.birth is None):
        return _call(real, frame)
    if actor.birth is not None:  # of a `multiprocessing.Process`, which says so itself
        return _begun(real, frame, actor, actor.birth)
    birth = announce(actor, site_of(frame), forks_now=True)
    try:
        pid, *rest = _begun(real, frame, actor, birth)
    finally:
        if here() is actor:
            forks.disarm()
            gate.current.gave(actor)
    if pid:
        pid = told_pid(actor, birth.object_id, pid)
        children[pid] = birth
    return (pid, *rest)


def _begun(real: Callable[[], Any], frame: FrameType, actor: Actor, birth: Birth) -> tuple[int, ...]:
    """Fork, and let the child be who it is."""
    actor.raw += 1  # whatever the hooks do is not the program's doing
    try:
        answer = _call(real, frame)
    finally:
        actor.raw -= 1
    if answer[0] == 0:
        children.clear()
        begin(birth, method="fork", forked=True)
    return answer


def _call(real: Callable[[], Any], frame: FrameType) -> tuple[int, ...]:
    """Call it as if from that frame: from 3.12 on a fork warns where there are threads, and names its caller's file and line."""
    code = _CALL.replace(co_filename=frame.f_code.co_filename, co_firstlineno=frame.f_lineno or 1)
    answer = eval(code, frame.f_globals, {"real": real})
    return answer if isinstance(answer, tuple) else (answer,)


_CALL = compile("real()", "", "eval")


def install(patches: Patches) -> None:
    """Put the replacements in place, those of waiting, of signals and of executing too."""
    patches.set(os, "fork", _fork)
    patches.set(os, "forkpty", _forkpty)
    waiting.install(patches)
    kills.install(patches)
    programs.install(patches)


__all__ = ["children", "install", "make_end"]
