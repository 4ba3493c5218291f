"""`os.fork`, and waiting for child processes by pid.

A child that is killed has no last event of its own. In replay the signal that it died of is sent at the turn that saw it dead:
by then the child has done all that it did when it was recorded.
"""

import os
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.actors import Actor, here, publish, site_of, unpublish
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import pids
from simcore.runtime.processes.birth import Birth, announce, begin, told_pid
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

children: dict[int, Birth] = {}
"""The children of this process that were forked directly, by the pid that the program was told."""

_PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))
_NONE = -1
_NO_CHILD = -2
_UNKNOWN = 0xFFFFFFF


def _fork() -> int:
    """As `os.fork`."""
    actor = here()
    if actor is None or (actor.raw and actor.birth is None):
        return originals.fork()
    birth: Birth | None = actor.birth
    try:
        if birth is None:
            birth = announce(actor, site_of(get_frame(1)))
            try:
                pid = _forked(actor, birth)
            finally:
                if here() is actor:
                    gate.current.gave(actor)
            if pid:
                pid = told_pid(actor, birth.object_id, pid)
                children[pid] = birth
            return pid
        return _forked(actor, birth)
    except BaseException as error:
        hide(error)
        raise


def _forked(actor: Actor, birth: Birth) -> int:
    """Fork, and let the child be who it is."""
    actor.raw += 1  # whatever the hooks do is not the program's doing
    try:
        pid = originals.fork()
    finally:
        actor.raw -= 1
    if pid == 0:
        children.clear()
        begin(birth, method="fork", forked=True)
    return pid


def make_end(index: int, pid: int, status: int) -> None:
    """In replay: let a child that was killed end as it did; one that ended by itself does so again."""
    if status < 0 and not gate.current.ends_itself(index):
        try:
            originals.kill(pids.real(pid), -status)
        except OSError:
            pass  # it is dead already


def _waiting(real: Any, pid_first: bool) -> Any:
    """`os.waitpid` and those like it; `real` takes (pid, options) and gives (pid, status, and perhaps more)."""

    def replaced(*arguments: int) -> Any:
        actor = here()
        try:
            if actor is None:  # the fork server, which knows its children by their own pids
                return real(*arguments)
            if actor.raw:
                asked = (pids.real(arguments[0]), *arguments[1:]) if pid_first and arguments else arguments
                pid, *rest = real(*asked)
                return (pids.told(pid), *rest)
            return _wait(actor, real, arguments, pid_first, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    return replaced


def _wait(actor: Actor, real: Any, arguments: tuple[int, ...], pid_first: bool, site: int) -> Any:
    if pid_first:
        asked, options = arguments  # raises as the original does, nearly
    else:
        asked, options = -1, (arguments[0] if arguments else 0)

    def ask(pid: int, how: int) -> Any:
        return real(pid, how) if pid_first else real(*arguments)

    want = gate.current.enter(actor, Kind.WAIT, _PROCESS, site)
    value = _NO_CHILD if want is None else want
    waited = 0
    try:
        if want is None:
            since = publish(actor, Kind.WAIT, _PROCESS, site, timed=bool(options & os.WNOHANG))
            try:
                answer = ask(asked, options)
            finally:
                unpublish(actor)
                waited = (originals.monotonic_ns() - since) // 1000
            child = children.get(answer[0])
            value = (child.index if child is not None else _UNKNOWN) << 32 | answer[1] if answer[0] else _NONE
            return answer
        if value == _NONE:
            return (0, 0, *_no_usage(real))
        if value == _NO_CHILD:
            return ask(asked, options | os.WNOHANG)  # raises as it did
        index, status = value >> 32, value & 0xFFFFFFFF
        told = next((pid for pid, birth in children.items() if birth.index == index), asked)
        make_end(index, told, os.waitstatus_to_exitcode(status))
        _, *rest = real(pids.real(told), 0) if pid_first else originals.waitpid(pids.real(told), 0)
        return (told, status, *rest[1:])
    finally:
        gate.current.leave(actor, Kind.WAIT, _PROCESS, site, value, waited)


def _no_usage(real: Any) -> tuple[Any, ...]:
    if getattr(real, "__name__", "") != "wait4":
        return ()
    import resource

    return (resource.getrusage(resource.RUSAGE_CHILDREN),)


def install(patches: Patches) -> None:
    """Put the replacements in place."""
    patches.set(os, "fork", _fork)
    patches.set(os, "waitpid", _waiting(originals.waitpid, True))
    for name, pid_first in (("wait", False), ("wait3", False), ("wait4", True)):
        if hasattr(os, name):
            patches.set(os, name, _waiting(getattr(os, name), pid_first))
