"""The recording's own locks, with the gate's policy `free` written out in line, since this is the hottest path there is.

A record's head (value, object, site, kind) is the same each time one line takes one lock, so it is packed once and looked up by
the bytecode offset of the call; the offset's code object is compared, for two functions may well have a lock at the same offset.
A lock without an id (made where nothing is recorded) never has a head, so it is told from the others off the path. Measured in
`benchmarks/`.
"""

from sys import _getframe as get_frame
from types import FrameType, TracebackType
from typing import Any

from simcore.runtime import originals
from simcore.runtime.actors import emit, is_internal, site_of, tls
from simcore.runtime.locks import Lock, RLock, take_lock
from simcore.trace.events import HEAD, RECORD, Kind

_now = originals.monotonic_ns
_pack = RECORD.pack_into
_head = HEAD.pack
_ACQUIRE = int(Kind.ACQUIRE)
_RELEASE = int(Kind.RELEASE)


def _take_head(lock: "Lock | FastRLock", frame: FrameType) -> bytes:
    head = _head(1, lock.simcore_id, site_of(frame), 0, _ACQUIRE, 0)
    if not is_internal(frame.f_code):  # a library's line serves many lines of the user's
        lock._takes[frame.f_lasti] = (frame.f_code, head)
    return head


def _give_head(lock: "Lock | FastRLock", frame: FrameType, depth: int = 0) -> bytes:
    head = _head(depth, lock.simcore_id, site_of(frame), 0, _RELEASE, 0)
    if not is_internal(frame.f_code):
        lock._gives[frame.f_lasti] = (frame.f_code, head)
    return head


class FastLock(Lock):
    """A lock that is being recorded. What `Lock` does, in fewer steps."""

    __slots__ = ()

    def __enter__(self) -> bool:
        try:
            actor = tls.actor
        except AttributeError:
            return self._acquire()
        if actor.raw:
            return self._acquire()
        frame = get_frame(1)
        if not self._acquire(False):
            return self._wait(actor, -1, site_of(frame))
        try:
            code, head = self._takes[frame.f_lasti]
            if code is not frame.f_code:
                head = _take_head(self, frame)
        except KeyError:
            if not self.simcore_id:
                return True
            head = _take_head(self, frame)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        _pack(buffer, slot, head, _now())
        return True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            actor = tls.actor
        except AttributeError:
            return self._release()
        if actor.raw:
            return self._release()
        frame = get_frame(1)
        try:
            code, head = self._gives[frame.f_lasti]
            if code is not frame.f_code:
                head = _give_head(self, frame)
        except KeyError:
            if not self.simcore_id:
                return self._release()
            head = _give_head(self, frame)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        _pack(buffer, slot, head, _now())
        try:
            self._release()
        except RuntimeError:
            emit(actor, Kind.UNDO, self.simcore_id, site_of(frame), 0)
            raise

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `_thread.lock.acquire`."""
        try:
            actor = tls.actor
        except AttributeError:
            return self._acquire(blocking, timeout)
        if actor.raw:
            return self._acquire(blocking, timeout)
        if timeout != -1 and (timeout < 0 or not blocking):
            return self._acquire(blocking, timeout)  # raises as the original does
        frame = get_frame(1)
        if not self._acquire(False):
            if not self.simcore_id:
                return self._acquire(blocking, timeout)
            if not blocking:
                emit(actor, _ACQUIRE, self.simcore_id, site_of(frame), 0)
                return False
            return self._wait(actor, timeout, site_of(frame))
        try:
            code, head = self._takes[frame.f_lasti]
            if code is not frame.f_code:
                head = _take_head(self, frame)
        except KeyError:
            if not self.simcore_id:
                return True
            head = _take_head(self, frame)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        _pack(buffer, slot, head, _now())
        return True

    def release(self) -> None:
        """As `_thread.lock.release`: any thread may."""
        try:
            actor = tls.actor
        except AttributeError:
            return self._release()
        if actor.raw:
            return self._release()
        frame = get_frame(1)
        try:
            code, head = self._gives[frame.f_lasti]
            if code is not frame.f_code:
                head = _give_head(self, frame)
        except KeyError:
            if not self.simcore_id:
                return self._release()
            head = _give_head(self, frame)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        _pack(buffer, slot, head, _now())
        try:
            self._release()
        except RuntimeError:
            emit(actor, Kind.UNDO, self.simcore_id, site_of(frame), 0)
            raise

    def _wait(self, actor: Any, timeout: float, site: int) -> bool:
        if not self.simcore_id:
            return self._acquire(True, timeout)
        got, waited = take_lock(actor, self.simcore_id, site, self._acquire, True, timeout)
        emit(actor, _ACQUIRE, self.simcore_id, site, 1 if got else -1, waited)
        return got

    acquire_lock = acquire
    release_lock = release


class FastRLock(RLock):
    """A re-entrant lock that is being recorded. What `RLock` does, in fewer steps; all that is rare is left to it."""

    __slots__ = ("_gives", "_takes")

    def __init__(self, raw: Any = None) -> None:
        self._takes: dict[int, Any] = {}
        self._gives: dict[int, Any] = {}
        super().__init__(raw)

    def __enter__(self) -> bool:
        try:
            actor = tls.actor
        except AttributeError:
            return super().__enter__()
        if actor.raw or not self.simcore_id:
            return super().__enter__()
        frame = get_frame(1)
        if not self._raw.acquire(False):
            return self._take(actor, True, -1, site_of(frame))
        self._depth += 1
        try:
            code, head = self._takes[frame.f_lasti]
            if code is not frame.f_code:
                head = _take_head(self, frame)
        except KeyError:
            head = _take_head(self, frame)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        _pack(buffer, slot, head, _now())
        return True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        frame = get_frame(1)
        try:
            actor = tls.actor
        except AttributeError:
            self._give(frame)
            return
        if actor.raw or not self.simcore_id or not self._raw._is_owned():
            self._give(frame)
            return
        try:
            code, head = self._gives[frame.f_lasti]
            if code is not frame.f_code:
                head = _give_head(self, frame, 1)
        except KeyError:
            head = _give_head(self, frame, 1)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        _pack(buffer, slot, head, _now())
        self._depth -= 1
        self._raw.release()
