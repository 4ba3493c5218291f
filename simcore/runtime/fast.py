"""The recording's own locks, with the gate's policy `free` written out in line, since this is the hottest path there is.

A record's head (value, object, site, kind) is the same each time one line takes one lock, so it is packed once and looked up by
the bytecode offset of the call; the offset's code object is compared, for two functions may well have a lock at the same offset.
A lock without an id (made where nothing is recorded) never has a head, so it is told from the others off the path. Measured in
`benchmarks/`.
"""

from sys import _getframe as get_frame
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from simcore.runtime import originals
from simcore.runtime.actors import emit, tls
from simcore.runtime.core import core
from simcore.runtime.frames import hide, wait_in_c
from simcore.runtime.locks import Lock, RLock, is_wait, take_lock
from simcore.runtime.sites import is_internal, site_of
from simcore.trace.events import HEAD, RECORD, Kind

_now = originals.monotonic_ns
_pack = RECORD.pack_into
_head = HEAD.pack
_ACQUIRE = int(Kind.ACQUIRE)
_RELEASE = int(Kind.RELEASE)


class _Nobody:
    """Stands for the actor of a thread that has none."""

    raw = 1


_nobody: Any = _Nobody


def take_head(lock: "Lock | FastRLock", frame: FrameType) -> bytes:
    """The head of the record of a lock that is taken there."""
    head = _head(1, lock.simcore_id, site_of(frame), 0, _ACQUIRE, 0)
    if not is_internal(frame.f_code):  # a library's line serves many lines of the user's
        lock._takes[frame.f_lasti] = (frame.f_code, head)
    return head


def give_head(lock: "Lock | FastRLock", frame: FrameType) -> bytes:
    """The head of the record of a lock that is let go of there."""
    head = _head(lock.given, lock.simcore_id, site_of(frame), 0, _RELEASE, 0)
    if not is_internal(frame.f_code):
        lock._gives[frame.f_lasti] = (frame.f_code, head)
    return head


class FastLock(Lock):
    """A lock that is being recorded. What `Lock` does, in fewer steps; the core in C leaves what is rare to these."""

    __slots__ = ()

    def _enter(self) -> bool:
        try:
            actor = tls.actor
        except AttributeError:
            actor = _nobody
        if actor.raw:
            try:
                return wait_in_c(self._acquire)
            except BaseException as error:
                hide(error)
                raise
        frame = get_frame(1)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        if not self._acquire(False):
            actor.put_back(reserve, slot)
            try:
                return self._wait(actor, True, -1, frame)
            except BaseException as error:
                hide(error)
                raise
        try:
            code, head = self._takes[frame.f_lasti]
            if code is not frame.f_code:
                head = take_head(self, frame)
        except KeyError:
            if not self.simcore_id:
                actor.put_back(reserve, slot)
                return True
            head = take_head(self, frame)
        _pack(buffer, slot, head, _now())
        return True

    def _exit(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            actor = tls.actor
        except AttributeError:
            actor = _nobody
        if actor.raw:
            try:
                return self._release()
            except Exception as raised:
                hide(raised)
                raise
        frame = get_frame(1)
        try:
            code, head = self._gives[frame.f_lasti]
            if code is not frame.f_code:
                head = give_head(self, frame)
        except KeyError:
            if not self.simcore_id:
                try:
                    return self._release()
                except Exception as raised:
                    hide(raised)
                    raise
            head = give_head(self, frame)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew(later=True)
            slot = reserve()
        _pack(buffer, slot, head, _now())
        try:
            self._release()
        except Exception as raised:
            emit(actor, Kind.UNDO, self.simcore_id, site_of(frame), 0)
            hide(raised)
            raise

    def _acquire_purely(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `_thread.lock.acquire`."""
        try:
            actor = tls.actor
        except AttributeError:
            actor = _nobody
        if actor.raw or (timeout != -1 and not (blocking and is_wait(timeout))):
            try:
                return wait_in_c(self._acquire, blocking, timeout)  # raises where the original does
            except BaseException as error:
                hide(error)
                raise
        frame = get_frame(1)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        if not self._acquire(False):
            actor.put_back(reserve, slot)
            try:
                return self._wait(actor, blocking, timeout, frame)
            except BaseException as error:
                hide(error)
                raise
        try:
            code, head = self._takes[frame.f_lasti]
            if code is not frame.f_code:
                head = take_head(self, frame)
        except KeyError:
            if not self.simcore_id:
                actor.put_back(reserve, slot)
                return True
            head = take_head(self, frame)
        _pack(buffer, slot, head, _now())
        return True

    def _release_purely(self) -> None:
        """As `_thread.lock.release`: any thread may."""
        try:
            actor = tls.actor
        except AttributeError:
            actor = _nobody
        if actor.raw:
            try:
                return self._release()
            except Exception as raised:
                hide(raised)
                raise
        frame = get_frame(1)
        try:
            code, head = self._gives[frame.f_lasti]
            if code is not frame.f_code:
                head = give_head(self, frame)
        except KeyError:
            if not self.simcore_id:
                try:
                    return self._release()
                except Exception as raised:
                    hide(raised)
                    raise
            head = give_head(self, frame)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew(later=True)
            slot = reserve()
        _pack(buffer, slot, head, _now())
        try:
            self._release()
        except Exception as raised:
            emit(actor, Kind.UNDO, self.simcore_id, site_of(frame), 0)
            hide(raised)
            raise

    def _wait(self, actor: Any, blocking: bool, timeout: float, frame: FrameType) -> bool:
        if not self.simcore_id:
            return wait_in_c(self._acquire, blocking, timeout)
        site = site_of(frame)
        if not blocking:
            emit(actor, _ACQUIRE, self.simcore_id, site, 0)
            return False
        got, waited = take_lock(actor, self.simcore_id, site, self._acquire, True, timeout)
        emit(actor, _ACQUIRE, self.simcore_id, site, 1 if got else -1, waited)
        return got

    if TYPE_CHECKING or core is None:
        __enter__, __exit__, acquire, release = _enter, _exit, _acquire_purely, _release_purely
    else:
        __enter__, __exit__ = core.LockBase.__enter__, core.LockBase.__exit__
        acquire, release = core.LockBase.acquire, core.LockBase.release

    acquire_lock = acquire
    release_lock = release


class FastRLock(RLock):
    """A re-entrant lock that is being recorded. What `RLock` does, in fewer steps; all that is rare is left to it."""

    __slots__ = ("_gives", "_takes")

    def __init__(self, raw: Any = None) -> None:
        self._takes: dict[int, Any] = {}
        self._gives: dict[int, Any] = {}
        super().__init__(raw)
        raw = self._raw
        self._acquire, self._release, self._owned = raw.acquire, raw.release, raw._is_owned
        self.given = 1

    def _enter(self) -> bool:
        try:
            actor = tls.actor
        except AttributeError:
            actor = _nobody
        if actor.raw or not self.simcore_id:
            try:
                return self._take_unrecorded()
            except BaseException as error:
                hide(error)
                raise
        frame = get_frame(1)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        if not self._raw.acquire(False):
            actor.put_back(reserve, slot)
            try:
                return self._take(actor, True, -1, site_of(frame))
            except BaseException as error:
                hide(error)
                raise
        self._depth += 1
        try:
            code, head = self._takes[frame.f_lasti]
            if code is not frame.f_code:
                head = take_head(self, frame)
        except KeyError:
            head = take_head(self, frame)
        _pack(buffer, slot, head, _now())
        return True

    def _exit(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        frame = get_frame(1)
        try:
            actor = tls.actor
        except AttributeError:
            actor = _nobody
        if actor.raw or not self.simcore_id or not self._raw._is_owned():
            try:
                self._give(frame)
                return
            except RuntimeError as raised:
                hide(raised)
                raise
        try:
            code, head = self._gives[frame.f_lasti]
            if code is not frame.f_code:
                head = give_head(self, frame)
        except KeyError:
            head = give_head(self, frame)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew(later=True)
            slot = reserve()
        _pack(buffer, slot, head, _now())
        self._depth -= 1
        self._raw.release()

    _acquire_purely, _release_purely = RLock.acquire, RLock.release

    if TYPE_CHECKING or core is None:
        __enter__, __exit__ = _enter, _exit
    else:
        __enter__, __exit__ = core.LockBase.__enter__, core.LockBase.__exit__
        acquire, release = core.LockBase.acquire, core.LockBase.release
