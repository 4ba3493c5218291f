"""`with lock:` in a replay, with the gate's policy `follow` written out in line: what `fast.py` is for a recording.

Where anything but that is next in the trace, it goes the way of all other operations, through the gate. The core in C does the
same, and for `acquire`, `release` and re-entrant locks too.
"""

from sys import _getframe as get_frame
from types import TracebackType
from typing import TYPE_CHECKING, Any

from simcore.runtime import gate, originals
from simcore.runtime.actors import tls
from simcore.runtime.core import core
from simcore.runtime.fast import give_head, take_head
from simcore.runtime.frames import hide
from simcore.runtime.locks import Lock, RLock
from simcore.runtime.order import AWAIT, LOCAL, ORDER_EVENT, POST, STATUS, STOP
from simcore.runtime.sites import site_of
from simcore.trace.events import RECORD, Kind

_now = originals.monotonic_ns
_pack = RECORD.pack_into
_event_at = ORDER_EVENT.unpack_from
_set_status = STATUS.pack_into
_SIZE = ORDER_EVENT.size
_ACQUIRE, _RELEASE = int(Kind.ACQUIRE), int(Kind.RELEASE)
_BY_GATE = LOCAL | STOP


class _Nobody:
    """Stands for the actor of a thread that has none, which is at no event."""

    class following:
        cursor = end = 0


_nobody: Any = _Nobody


class RetakenLock(Lock):
    """A lock that is being replayed. What `Lock` does, in fewer steps."""

    __slots__ = ()

    def _retaken_enter(self) -> bool:
        actor: Any = getattr(tls, "actor", _nobody)
        mine = actor.following
        try:
            if mine.cursor >= mine.end or actor.raw:
                return self._enter()
            value, of, _, after, position, kind, flags = _event_at(mine.events, mine.cursor)
            if kind != _ACQUIRE or of != self.simcore_id or value != 1 or flags & _BY_GATE:
                return self._enter()
            if flags & AWAIT:
                mine.wait(flags)
            mine.cursor += _SIZE
            if not self._acquire(False):
                mine.held = flags, after, position
                self._insist(actor)
                mine.held = None
        except BaseException as error:
            hide(error)
            raise
        frame = get_frame(1)
        try:
            code, head = self._takes[frame.f_lasti]
            if code is not frame.f_code:
                head = take_head(self, frame)
        except KeyError:
            head = take_head(self, frame)
        reserve, buffer = actor.chunk
        try:
            slot = reserve()
        except StopIteration:
            reserve, buffer = actor.renew()
            slot = reserve()
        _pack(buffer, slot, head, _now())
        _set_status(mine.status, 0, position + 1, 0)
        if flags & POST:
            mine.post(flags, after)
        return True

    def _retaken_exit(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        actor: Any = getattr(tls, "actor", _nobody)
        mine = actor.following
        try:
            if mine.cursor >= mine.end or actor.raw:
                return self._exit(kind, error, trace)
            _, of, _, after, position, its_kind, flags = _event_at(mine.events, mine.cursor)
            if its_kind != _RELEASE or of != self.simcore_id or flags & _BY_GATE:
                return self._exit(kind, error, trace)
            if flags & AWAIT:
                mine.wait(flags)
        except BaseException as raised:
            hide(raised)
            raise
        mine.cursor += _SIZE
        frame = get_frame(1)
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
            reserve, buffer = actor.renew()
            slot = reserve()
        _pack(buffer, slot, head, _now())
        try:
            self._release()
        except Exception as raised:
            mine.held = flags, after, position
            self._undo(actor, site_of(frame))
            gate.current.gave(actor)
            hide(raised)
            raise
        _set_status(mine.status, 0, position + 1, 0)
        if flags & POST:
            mine.post(flags, after)
        return None

    if TYPE_CHECKING or core is None:
        __enter__, __exit__ = _retaken_enter, _retaken_exit
    else:
        __enter__, __exit__ = core.LockBase.retaken_enter, core.LockBase.retaken_exit
        acquire, release = core.LockBase.retaken_acquire, core.LockBase.retaken_release
        acquire_lock, release_lock = acquire, release


class RetakenRLock(RLock):
    """A re-entrant lock that is being replayed."""

    __slots__ = ()

    def __init__(self, raw: Any = None) -> None:
        super().__init__(raw)
        raw = self._raw
        self._acquire, self._release, self._owned = raw.acquire, raw.release, raw._is_owned
        self.given = 1

    if not TYPE_CHECKING and core is not None:
        __enter__, __exit__ = core.LockBase.retaken_enter, core.LockBase.retaken_exit
        acquire, release = core.LockBase.retaken_acquire, core.LockBase.retaken_release
