"""Locks: `_thread.allocate_lock` and `_thread.RLock`, by every name under which they are handed out.

These two are the lowest names that Python can reach: Condition, Event, Semaphore, Barrier, Queue and the executors are Python on
top of them and run unmodified. Both wrap the C lock: a Python RLock would recurse when a signal handler takes the lock it
interrupts. `Lock` and `RLock` work through the gate; `fast.py` has the recording's own `Lock`.
"""

from _thread import TIMEOUT_MAX
from collections.abc import Callable
from operator import index
from sys import _getframe as get_frame
from types import TracebackType
from typing import Any, NoReturn

from simcore.runtime import actors, gate, originals
from simcore.runtime.actors import Actor, acting, publish, unpublish
from simcore.runtime.core import LockBase
from simcore.runtime.frames import hide, wait_in_c
from simcore.runtime.sites import site_of
from simcore.trace.events import Kind, ObjectKind

PATIENCE_S = 5.0
"""How long replay waits for a lock that the trace says was free before it says that it was not."""


def is_wait(timeout: Any) -> bool:
    """Whether the original would wait so long, instead of raising."""
    try:
        return 0 <= (timeout if isinstance(timeout, float) else index(timeout)) <= TIMEOUT_MAX
    except TypeError:
        return False


def take_lock(
    actor: Actor, object_id: int, site: int, acquire: Callable[..., bool], blocking: bool, timeout: float
) -> tuple[bool, int]:
    """Acquire for real: a try first, and only when it failed the wait is published. Returns (got it, waited us)."""
    if acquire(False):
        return True, 0
    if not blocking:
        return False, 0
    began = publish(actor, Kind.ACQUIRE, object_id, site, timed=timeout != -1)
    try:
        got = wait_in_c(acquire, True, timeout)
    finally:
        unpublish(actor)
    return got, (originals.monotonic_ns() - began) // 1000


class Lock(LockBase):
    """A `_thread.lock` that says what it does. Same behaviour, repr and errors; `raw` is an existing lock to go on with."""

    __slots__ = ("__weakref__", "_gives", "_raw", "_takes")

    def __init__(self, kind: ObjectKind = ObjectKind.LOCK, raw: Any = None) -> None:
        if raw is None:
            raw = originals.allocate_lock()
        self._raw = raw
        self._acquire = raw.acquire
        self._release = raw.release
        self.given = 0
        self._takes: dict[int, Any] = {}
        self._gives: dict[int, Any] = {}
        self.simcore_id = actors.create(kind, get_frame(1))

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `_thread.lock.acquire`."""
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return wait_in_c(self._acquire, blocking, timeout)
            return self._take(actor, bool(blocking), timeout, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _take(self, actor: Actor, blocking: bool, timeout: float, site: int) -> bool:
        if timeout != -1 and not (blocking and is_wait(timeout)):
            return self._acquire(blocking, timeout)  # raises as the original does
        want = gate.current.enter(actor, Kind.ACQUIRE, self.simcore_id, site)
        waited = 0
        value = want
        try:
            if value is None:
                got, waited = take_lock(actor, self.simcore_id, site, self._acquire, blocking, timeout)
                value = 1 if got else -1 if blocking else 0
            elif value > 0:
                self._insist(actor)
        except BaseException:
            if want is not None:
                gate.current.leave(actor, Kind.ACQUIRE, self.simcore_id, site, 0)
            raise
        gate.current.leave(actor, Kind.ACQUIRE, self.simcore_id, site, value, waited)
        return value > 0

    def _insist(self, actor: Actor) -> bool:
        """In replay: take what the trace has free there, though somebody may still be about to let go of it."""
        gate.current.must(actor, self._acquire(True, PATIENCE_S), "the trace has the lock free there")
        return True

    def release(self) -> None:
        """As `_thread.lock.release`: any thread may."""
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return self._release()
            return self._give(actor, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _give(self, actor: Actor, site: int) -> None:
        gate.current.give(actor, Kind.RELEASE, self.simcore_id, site, self.given)
        try:
            self._release()
        except RuntimeError:
            self._undo(actor, site)
            raise
        finally:
            gate.current.gave(actor)

    def _undo(self, actor: Actor, site: int) -> None:
        gate.current.gave(actor)
        gate.current.give(actor, Kind.UNDO, self.simcore_id, site, 0)

    def __enter__(self) -> bool:
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return wait_in_c(self._acquire)
            return self._take(actor, True, -1, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return self._release()
            return self._give(actor, site_of(get_frame(1)))
        except BaseException as raised:
            hide(raised)
            raise

    _enter, _exit, _acquire_purely, _release_purely = __enter__, __exit__, acquire, release

    def locked(self) -> bool:
        """As `_thread.lock.locked`."""
        actor = acting()
        if actor is None or not self.simcore_id:
            return bool(self._raw.locked())
        return bool(gate.current.read(actor, Kind.LOCKED, self.simcore_id, site_of(get_frame(1)), self._raw.locked))

    def _at_fork_reinit(self) -> None:
        self._raw._at_fork_reinit()

    def __repr__(self) -> str:
        return f"<{'locked' if self._raw.locked() else 'unlocked'} _thread.lock object at {id(self):#x}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        try:
            raise TypeError("cannot pickle '_thread.lock' object")
        except TypeError as error:
            hide(error)
            raise

    # The old names, still there in CPython.
    acquire_lock = acquire
    release_lock = release
    locked_lock = locked


class RLock(LockBase):
    """A `_thread.RLock` that says what it does. Same behaviour, repr and errors; each depth is an event."""

    __slots__ = ("__weakref__", "_raw")

    def __init__(self, raw: Any = None) -> None:
        self._raw: Any = originals.RLock() if raw is None else raw
        self._depth = 0  # read and written by the owner only
        self.simcore_id = actors.create(ObjectKind.RLOCK, get_frame(1))

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `_thread.RLock.acquire`."""
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return self._take_unrecorded(blocking, timeout)
            return self._take(actor, bool(blocking), timeout, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _take_unrecorded(self, blocking: bool = True, timeout: float = -1) -> bool:
        got: bool = wait_in_c(self._raw.acquire, blocking, timeout)
        if got:
            self._depth += 1
        return got

    def _take(self, actor: Actor, blocking: bool, timeout: float, site: int) -> bool:
        if timeout != -1 and not (blocking and is_wait(timeout)):
            raw_result: bool = self._raw.acquire(blocking, timeout)  # raises as the original does
            return raw_result
        want = gate.current.enter(actor, Kind.ACQUIRE, self.simcore_id, site)
        waited = 0
        value = want
        try:
            if value is None:
                got, waited = take_lock(actor, self.simcore_id, site, self._raw.acquire, blocking, timeout)
                value = 1 if got else -1 if blocking else 0
            elif value > 0:
                self._insist(actor)
        except BaseException:
            if want is not None:
                gate.current.leave(actor, Kind.ACQUIRE, self.simcore_id, site, 0)
            raise
        if value > 0:
            self._depth += 1
        gate.current.leave(actor, Kind.ACQUIRE, self.simcore_id, site, value, waited)
        return value > 0

    def release(self) -> None:
        """As `_thread.RLock.release`: only its owner may."""
        try:
            self._give(get_frame(1))
        except BaseException as error:
            hide(error)
            raise

    def _give(self, frame: Any) -> None:
        actor = acting()
        if actor is None or not self.simcore_id or not self._raw._is_owned():
            self._raw.release()  # raises where it is not ours
            self._depth -= 1
            return
        gate.current.give(actor, Kind.RELEASE, self.simcore_id, site_of(frame), 1)
        try:
            self._depth -= 1
            self._raw.release()
        finally:
            gate.current.gave(actor)

    def __enter__(self) -> bool:
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return self._take_unrecorded()
            return self._take(actor, True, -1, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._give(get_frame(1))
        except BaseException as raised:
            hide(raised)
            raise

    _enter, _exit, _acquire_purely, _release_purely = __enter__, __exit__, acquire, release

    def _insist(self, actor: Actor) -> bool:
        """As of `Lock`."""
        gate.current.must(actor, self._raw.acquire(True, PATIENCE_S), "the trace has the lock free there")
        return True

    # What Condition asks of its lock.

    def _is_owned(self) -> bool:
        owned: bool = self._raw._is_owned()
        return owned

    def _recursion_count(self) -> int:
        return self._depth if self._raw._is_owned() else 0

    def _release_save(self) -> int:
        depth = self._depth
        actor = acting()
        if actor is None or not self.simcore_id or not self._raw._is_owned():
            self._raw._release_save()  # raises where it is not ours
            self._depth = 0
            return depth
        gate.current.give(actor, Kind.RELEASE, self.simcore_id, site_of(get_frame(1)), depth)
        try:
            self._depth = 0
            self._raw._release_save()
        finally:
            gate.current.gave(actor)
        return depth

    def _acquire_restore(self, depth: int) -> None:
        raw = self._raw
        actor = acting()
        if actor is None or not self.simcore_id:
            wait_in_c(raw.acquire)
            self._deepen(depth)
            return
        site = site_of(get_frame(1))
        want = gate.current.enter(actor, Kind.ACQUIRE, self.simcore_id, site)
        waited = 0
        try:
            if want is None:
                _, waited = take_lock(actor, self.simcore_id, site, raw.acquire, True, -1)
            else:
                self._insist(actor)
            self._deepen(depth)
        finally:
            gate.current.leave(actor, Kind.ACQUIRE, self.simcore_id, site, depth, waited)

    def _deepen(self, depth: int) -> None:
        """Held once; now as deep as before."""
        for _ in range(depth - 1):
            self._raw.acquire()
        self._depth = depth

    def _at_fork_reinit(self) -> None:
        self._raw._at_fork_reinit()
        self._depth = 0

    def __repr__(self) -> str:
        held = self._depth > 0
        return (
            repr(self._raw).replace(f"{id(self._raw):#x}", f"{id(self):#x}")
            if held
            else f"<unlocked _thread.RLock object at {id(self):#x}>"
        )

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        try:
            raise TypeError("cannot pickle '_thread.RLock' object")
        except TypeError as error:
            hide(error)
            raise
