"""Locks between processes: `_multiprocessing.SemLock`, of which all that `multiprocessing.synchronize` offers is made.

Its number travels with it when it is pickled, so every process speaks of one and the same object. No operation of Condition,
Event or Barrier needs more than one turn at this level.
"""

import os
from collections.abc import Callable
from operator import attrgetter
from sys import _getframe as get_frame
from types import FrameType
from typing import Any

from simcore.runtime import actors, gate, originals, sites
from simcore.runtime.actors import Actor, acting, emit, tls
from simcore.runtime.coming import coming
from simcore.runtime.core import LockBase, core
from simcore.runtime.fast import FastLock
from simcore.runtime.frames import hide
from simcore.runtime.locks import PATIENCE_S, take_lock
from simcore.runtime.patches import Patches
from simcore.runtime.processes import birth
from simcore.runtime.retaken import RetakenLock
from simcore.runtime.sites import site_of
from simcore.trace.events import Kind, ObjectKind

_RECURSIVE = 0


_MAKERS = frozenset(f"{name}.__init__" for name in ("SemLock", "Lock", "RLock", "Semaphore", "BoundedSemaphore"))


def _maker(frame: FrameType) -> FrameType:
    """Who asked for the lock: not the classes of `multiprocessing.synchronize`, of which each calls the next."""
    maker: FrameType | None = frame
    while maker is not None and (
        (maker.f_code.co_qualname in _MAKERS and sites.is_internal(maker.f_code))
        or maker.f_code.co_filename.endswith("/multiprocessing/context.py")
    ):
        maker = maker.f_back
    return frame if maker is None else maker


class SemLock(LockBase):
    """A `_multiprocessing.SemLock` that says what it does."""

    __slots__ = ("_gives", "_raw", "_takes")

    SEM_VALUE_MAX: int
    _of_raw: Callable[..., Any]

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        self._wrap(self._of_raw(kind, value, maxvalue, name, unlink))
        which = ObjectKind.PRLOCK if kind == _RECURSIVE else ObjectKind.PLOCK if maxvalue == 1 else ObjectKind.PSEMAPHORE
        self.simcore_id = actors.create(which, _maker(get_frame(1)))

    def _wrap(self, raw: Any) -> None:
        self._raw, self._acquire, self._release = raw, raw.acquire, raw.release
        self.given = 1  # so much more there is to take
        self._takes: dict[int, Any] = {}
        self._gives: dict[int, Any] = {}

    @classmethod
    def _rebuild(cls, handle: int, kind: int, maxvalue: int, name: str | int) -> "SemLock":
        if isinstance(name, int):  # in replay: it is missing again
            raise OSError(name, os.strerror(name))
        self = cls.__new__(cls)
        self._wrap(cls._of_raw._rebuild(handle, kind, maxvalue, name))  # type: ignore[attr-defined]
        self.simcore_id = 0
        return self

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """As `SemLock.acquire`."""
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return bool(self._acquire(block, timeout))
            return self._take(actor, block, timeout, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _take(self, actor: Actor, block: bool, timeout: float | None, site: int) -> bool:
        want = gate.current.enter(actor, Kind.ACQUIRE, self.simcore_id, site)
        waited = 0
        value = want
        try:
            if value is None:
                got, waited = take_lock(
                    actor, self.simcore_id, site, self._try_or_wait, bool(block), -1 if timeout is None else max(timeout, 0)
                )
                value = 1 if got else -1 if block else 0
            elif value > 0:
                self._insist(actor)
        except BaseException:
            if want is not None:
                gate.current.leave(actor, Kind.ACQUIRE, self.simcore_id, site, 0)
            raise
        gate.current.leave(actor, Kind.ACQUIRE, self.simcore_id, site, value, waited)
        return value > 0

    def _insist(self, actor: Actor) -> bool:
        gate.current.must(actor, self._acquire(True, PATIENCE_S), "the trace has it free there")
        return True

    def _try_or_wait(self, block: bool, timeout: float = -1) -> bool:
        if not block:
            return bool(self._acquire(False))
        done: list[bool] = []  # its name says that a signal is let in here
        done.extend(map(self._acquire, (True,), (None if timeout == -1 else timeout,)))
        return done[0]

    def release(self) -> None:
        """As `SemLock.release`."""
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return self._release()
            self._give(actor, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise
        return None

    def _give(self, actor: Actor, site: int) -> None:
        gate.current.give(actor, Kind.RELEASE, self.simcore_id, site, self.given)
        try:
            self._release()
        except (ValueError, AssertionError, OSError):
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
                return bool(self._acquire())
            return self._take(actor, True, None, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def __exit__(self, *_: object) -> None:
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return self._release()
            self._give(actor, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise
        return None

    _enter, _exit, _acquire_purely, _release_purely = __enter__, __exit__, acquire, release

    def _get_value(self) -> int:
        return self._read(Kind.VALUE, self._raw._get_value, get_frame(1))

    def _is_zero(self) -> bool:
        return bool(self._read(Kind.LOCKED, self._raw._is_zero, get_frame(1)))

    def _read(self, kind: Kind, ask: Callable[[], int], frame: Any) -> int:
        actor = acting()
        if actor is None or not self.simcore_id:
            return ask()
        return gate.current.read(actor, kind, self.simcore_id, site_of(frame), lambda: int(ask()))

    def _count(self) -> int:
        return self._raw._count()  # type: ignore[no-any-return]

    def _is_mine(self) -> bool:
        return self._raw._is_mine()  # type: ignore[no-any-return]

    def _after_fork(self) -> None:
        self._raw._after_fork()

    @property
    def handle(self) -> int:
        """As of the original."""
        return self._raw.handle  # type: ignore[no-any-return]

    @property
    def kind(self) -> int:
        """As of the original."""
        return self._raw.kind  # type: ignore[no-any-return]

    @property
    def maxvalue(self) -> int:
        """As of the original."""
        return self._raw.maxvalue  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        """As of the original."""
        return self._raw.name  # type: ignore[no-any-return]


class FastSemLock(SemLock):
    """A lock between processes that is being recorded: what `SemLock` does, in fewer steps, which are those of `FastLock`."""

    __slots__ = ()

    __enter__: Any = FastLock.__enter__
    __exit__: Any = FastLock.__exit__
    release: Any = FastLock.release
    _enter: Any = FastLock._enter
    _exit: Any = FastLock._exit
    _release_purely: Any = FastLock._release_purely

    def _acquire_purely(self, block: bool = True, timeout: float | None = None) -> bool:
        """As `SemLock.acquire`."""
        try:
            actor = tls.actor
        except AttributeError:
            return bool(self._acquire(block, timeout))
        if actor.raw or not self.simcore_id:
            return bool(self._acquire(block, timeout))
        if self._acquire(False):
            emit(actor, Kind.ACQUIRE, self.simcore_id, site_of(get_frame(1)), 1)
            return True
        return super().acquire(block, timeout)

    acquire = _acquire_purely if core is None else core.LockBase.try_first

    def _wait(self, actor: Actor, _block: bool, _timeout: float, frame: FrameType) -> bool:
        if not self.simcore_id:
            return self._try_or_wait(True)
        return self._take(actor, True, None, site_of(frame))


class RetakenSemLock(SemLock):
    """A lock between processes that is being replayed: what `SemLock` does, in the steps of `RetakenLock`."""

    __slots__ = ()

    __enter__: Any = RetakenLock.__enter__
    __exit__: Any = RetakenLock.__exit__
    acquire: Any = SemLock.acquire if core is None else RetakenLock.acquire
    release: Any = SemLock.release if core is None else RetakenLock.release


class _FromInside(property):
    """A method of a lock's C part as a method of the lock, without a call in between. Called on the class, it is a function."""

    def __call__(self, lock: Any, *arguments: Any) -> Any:
        return self.__get__(lock)(*arguments)


def _missing_again(actor: Actor, number: int, site: int) -> int:
    """In replay: the `errno` with which the semaphore was not found, or 0."""
    following = coming(actor)
    if following is None or following[:2] != (Kind.VALUE, number) or following.value >= 0:
        return 0
    return -gate.current.read(actor, Kind.VALUE, number, site, int)


def _unlink_later(name: str) -> None:
    """In replay: as `sem_unlink`, but the controller does it in the end.

    When a lock's last reference goes is no event, nor is when a child process that was given it finds it by its name.
    """
    number = os.open(f"{birth.folder}/semaphores", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        originals.write(number, f"\n{name}".encode())
    finally:
        os.close(number)


def install(patches: Patches, module: Any) -> None:
    """Put our class in the place of the C one, and let its number travel."""
    import _multiprocessing  # type: ignore[import-not-found]

    cls = RetakenSemLock if gate.current.following else FastSemLock
    raw = _multiprocessing.SemLock
    for made in (SemLock, cls):
        made._of_raw = raw
        made.SEM_VALUE_MAX = raw.SEM_VALUE_MAX
    cls.__module__, cls.__name__, cls.__qualname__ = raw.__module__, raw.__name__, raw.__qualname__
    patches.set(_multiprocessing, "SemLock", cls)
    real_getstate, real_setstate = module.SemLock.__getstate__, module.SemLock.__setstate__

    def __getstate__(self: Any) -> Any:
        return real_getstate(self), self._semlock.simcore_id

    def __setstate__(self: Any, state: Any) -> None:
        inner, number = state
        actor = acting()
        try:
            if actor is not None and gate.current.following:
                inner = (*inner[:3], _missing_again(actor, number, site_of(get_frame(1))) or inner[3])
            real_setstate(self, inner)
        except OSError as error:
            if actor is not None and not gate.current.following:
                missing = -(error.errno or 0)
                gate.current.read(actor, Kind.VALUE, number, site_of(get_frame(1)), lambda: missing)
            hide(error)
            raise
        self._semlock.simcore_id = number

    for name in ("__enter__", "__exit__"):
        patches.set(module.SemLock, name, _FromInside(attrgetter(f"_semlock.{name}")))
    if gate.current.following:
        patches.set(module, "sem_unlink", _unlink_later)
    patches.method(module.SemLock, "__getstate__", __getstate__)
    patches.method(module.SemLock, "__setstate__", __setstate__)
