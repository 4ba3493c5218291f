"""Waiting for child processes by pid.

A child that is killed has no last event of its own. In replay the signal that it died of is sent at the turn that saw it dead:
by then the child has done all that it did when it was recorded.
"""

import os
from collections.abc import Callable
from itertools import starmap
from signal import SIGCHLD, SIGCONT
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.actors import Actor, here, publish, unpublish
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import pids
from simcore.runtime.processes.birth import Birth
from simcore.runtime.sites import site_of
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

children: dict[int, Birth] = {}
"""The children of this process that it can wait for by pid and has not seen the end of, by the pid that the program was told."""

_PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))
_LOOKS, _CALM, _PAUSE_S = 150, 3, 0.002
_NONE = -1
_NO_CHILD = -2
_INTERRUPTED = -3
_UNKNOWN = 0xFFFFFFF

_real_wait4: Callable[[int, int], tuple[int, int, Any]] = os.wait4
_real_waitid: Callable[[int, int, int], Any] = getattr(os, "waitid", lambda *_: None)


def make_end(index: int, pid: int, status: int) -> None:
    """In replay: let a child that was killed end as it did; one that ended by itself does so again."""
    if status < 0 and not (pids.is_recorded(pid) and gate.current.ends_itself(index)):
        _let_rest(pids.real(pid))
        try:
            originals.kill(pids.real(pid), -status)
        except OSError:
            pass  # it is dead already


def _let_rest(pid: int) -> None:
    """Wait a moment until nothing runs in this process: behind its last turn there may be something that takes none."""
    calm = 0
    for _ in range(_LOOKS):
        calm = 0 if _is_busy(pid) else calm + 1
        if calm == _CALM:
            return
        originals.sleep(_PAUSE_S)


def _is_busy(pid: int) -> bool:
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:
                if file.read().rpartition(b")")[2][1:2] in b"RD":
                    return True
    except OSError:
        pass  # it has just ended, or there is no /proc
    return False


def _has_ended(status: int) -> bool:
    return os.WIFEXITED(status) or os.WIFSIGNALED(status)


def _real_target(asked: int) -> int:
    """The process, or the group, that a wait is for."""
    return pids.real(asked) if asked > 0 else -pids.real(-asked) if asked < -1 else asked


def _ask(real: Callable[..., Any], *arguments: int) -> Any:
    """Wait for real. A signal is let in as long as no child has ended: what is said of one is said once."""
    done: list[Any] = []  # its name says so
    done.extend(starmap(real, (arguments,)))
    return done[0]


def _take(
    actor: Actor,
    site: int,
    timed: bool,
    ask: Callable[[], tuple[int, int]],
    ended: Callable[[int, int], None],
    keeps: bool = False,
) -> tuple[int, int] | None:
    """One WAIT: the pid that the program is told and the wait status; None when there was no child to wait for.

    `ask` waits for real, `ended` waits in replay for a child that has ended, by its real pid. A child is waited for once, unless
    it is one that `keeps` it.
    """
    want = gate.current.enter(actor, Kind.WAIT, _PROCESS, site)
    value, waited = _NO_CHILD if want is None else want, 0
    try:
        if want is None:
            since = publish(actor, Kind.WAIT, _PROCESS, site, timed=timed)
            try:
                pid, status = ask()
            except ChildProcessError:
                raise
            except BaseException:
                value = _INTERRUPTED
                raise
            finally:
                unpublish(actor)
                waited = (originals.monotonic_ns() - since) // 1000
            child = children.get(pid)
            value = (child.index if child is not None else _UNKNOWN) << 32 | status if pid else _NONE
        elif value < 0:
            return (0, 0) if value == _NONE else None
        else:
            index, status = value >> 32, value & 0xFFFFFFFF
            pid = next((pid for pid, birth in children.items() if birth.index == index), -1)
            if _has_ended(status):
                make_end(index, pid, os.waitstatus_to_exitcode(status))
                ended(pids.real(pid), status)
        if pid and _has_ended(status) and not keeps:
            children.pop(pid, None)
        return pid, status
    finally:
        if value != _INTERRUPTED:
            gate.current.leave(actor, Kind.WAIT, _PROCESS, site, value, waited)


def _waiting(real: Any, *, pid_first: bool, usage: bool) -> Any:
    """`os.waitpid` and those like it: they take a pid and options, or only these, and give pid, status, and perhaps usage."""

    def replaced(*arguments: Any, **named: Any) -> Any:
        actor = here()
        try:
            if actor is None:  # the fork server, which knows its children by their own pids
                return real(*arguments, **named)
            if named or (pid_first and len(arguments) != 2) or not all(isinstance(one, int) for one in arguments):
                return real(*arguments, **named)  # raises as the original does, or is told by name what to wait for
            if actor.raw:
                asked = (_real_target(arguments[0]), *arguments[1:]) if pid_first else arguments
                pid, *rest = _ask(real, *asked)
                return (pids.told(pid), *rest)
            return wait(actor, arguments, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def wait(actor: Actor, arguments: tuple[int, ...], site: int) -> Any:
        rest: list[Any] = []

        def ask() -> tuple[int, int]:
            pid, status, *rest[:] = _ask(real, *arguments)
            return pid, status

        def ended(pid: int, status: int) -> None:
            rest[:] = _real_wait4(pid, 0)[2:] if usage else ()
            if not usage:
                originals.waitpid(pid, 0)

        options = arguments[-1] if arguments else 0
        answer = _take(actor, site, bool(options & os.WNOHANG), ask, ended)
        if answer is None:
            return real(*((-1, *arguments[1:]) if pid_first else arguments))  # raises as it did
        if usage and not rest:
            import resource

            rest.append(resource.getrusage(resource.RUSAGE_CHILDREN))
        return (*answer, *rest)

    return replaced


def _wait_id(idtype: int, id: int, options: int, /) -> Any:  # noqa: A002  the original's name
    """As `os.waitid`."""
    actor = here()
    try:
        if actor is None:
            return _real_waitid(idtype, id, options)
        if actor.raw or idtype not in (os.P_PID, os.P_ALL, os.P_PGID):
            return _real_waitid(idtype, pids.real(id), options)
        return _wait_id_recorded(actor, idtype, id, options, site_of(get_frame(1)))
    except BaseException as error:
        hide(error)
        raise


def _wait_id_recorded(actor: Actor, idtype: int, number: int, options: int, site: int) -> Any:
    found: list[Any] = []

    def ask() -> tuple[int, int]:
        answer = _ask(_real_waitid, idtype, number, options)
        found.append(answer)
        return (0, 0) if answer is None or not answer.si_pid else (answer.si_pid, _status_of(answer.si_code, answer.si_status))

    def ended(pid: int, status: int) -> None:
        found.append(_real_waitid(os.P_PID, pid, os.WEXITED | options & os.WNOWAIT))

    answer = _take(actor, site, bool(options & os.WNOHANG), ask, ended, bool(options & os.WNOWAIT))
    if answer is None:
        return _real_waitid(idtype, number, options)  # raises as it did
    pid, status = answer
    if not pid:
        return None
    uid = found[0].si_uid if found else os.getuid()
    code, shown = _code_of(status)
    return os.waitid_result((pid, uid, SIGCHLD, shown, code))


def _status_of(code: int, shown: int) -> int:
    """What `waitpid` would say of what `waitid` says."""
    if code == os.CLD_EXITED:
        return shown << 8
    if code == os.CLD_CONTINUED:
        return 0xFFFF
    return shown | (0x80 if code == os.CLD_DUMPED else 0) if code in (os.CLD_KILLED, os.CLD_DUMPED) else shown << 8 | 0x7F


def _code_of(status: int) -> tuple[int, int]:
    """The other way round."""
    if os.WIFEXITED(status):
        return os.CLD_EXITED, os.WEXITSTATUS(status)
    if os.WIFSIGNALED(status):
        return (os.CLD_DUMPED if os.WCOREDUMP(status) else os.CLD_KILLED), os.WTERMSIG(status)
    return (os.CLD_CONTINUED, SIGCONT) if os.WIFCONTINUED(status) else (os.CLD_STOPPED, os.WSTOPSIG(status))


def install(patches: Patches) -> None:
    """Put the replacements in place."""
    for name, pid_first in (("waitpid", True), ("wait", False), ("wait3", False), ("wait4", True)):
        if hasattr(os, name):
            patches.set(os, name, _waiting(getattr(os, name), pid_first=pid_first, usage=name in ("wait3", "wait4")))
    patches.set(os, "waitid", _wait_id)
