"""Spans: the operations that the programmer wrote, around the events they are made of.

A span is two records around the original method: it begins, it has ended. Only the outermost counts (`Barrier.wait` holds the
`Condition.wait` inside it), and only when the call comes from outside the library.
"""

from collections.abc import Callable
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import actors, gate
from simcore.runtime.actors import acting, emit
from simcore.runtime.core import core
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.sites import site_of
from simcore.trace.events import FIXED_OBJECTS, SPAN_OPERATIONS, Kind, ObjectKind

_NUMBERS = {name: number for number, name in enumerate(SPAN_OPERATIONS)}
_PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))


def spanned(original: Callable[..., Any], operation: str, fixed: int = 0) -> Callable[..., Any]:
    """The original between two records: of the object that is its first argument, or of the `fixed` one."""
    number = _NUMBERS[operation] << 1
    if core is not None:
        return _spanned_in_c(original, number, fixed)

    def method(*args: Any, **kwargs: Any) -> Any:
        actor = acting()
        object_id = 0
        if actor is not None and not actor.spans:
            object_id = fixed or getattr(args[0], "simcore_id", 0) if args else 0
        if actor is not None and object_id:
            site = site_of(get_frame(1))
            actor.spans += 1
            emit(actor, Kind.SPAN, object_id, site, number | 1)
        try:
            return original(*args, **kwargs)
        except BaseException as error:
            hide(error)
            raise
        finally:
            if actor is not None and object_id:
                actor.spans -= 1
                emit(actor, Kind.SPAN, object_id, site, number)

    return method


def _spanned_in_c(original: Callable[..., Any], number: int, fixed: int) -> Callable[..., Any]:
    spanning = core.spanning

    def method(*args: Any, **kwargs: Any) -> Any:
        try:
            return spanning(original, number, fixed, args, kwargs)
        except BaseException as error:
            hide(error)
            raise

    return method


def named(original: Callable[..., None], kind: ObjectKind) -> Callable[..., None]:
    """An `__init__` that gives the new object its id."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if "simcore_id" not in self.__dict__:  # else a subclass's __init__ is calling its base
            self.simcore_id = actors.create(kind, get_frame(1))
        try:
            original(self, *args, **kwargs)
        except BaseException as error:
            hide(error)
            raise

    return __init__


def _read(original: Callable[..., Any], kind: Kind) -> Callable[..., Any]:
    """A method that looks without a lock: its answer is recorded."""

    def method(self: Any) -> Any:
        actor = acting()
        object_id = getattr(self, "simcore_id", 0)
        if actor is None or not object_id:
            return original(self)
        answer = gate.current.read(actor, kind, object_id, site_of(get_frame(1)), lambda: int(original(self)))
        return answer if kind is Kind.N_WAITING else bool(answer)

    return method


def _cover(patches: Patches, cls: type, kind: ObjectKind, operations: tuple[str, ...], prefix: str = "") -> None:
    patches.method(cls, "__init__", named(cls.__init__, kind))  # type: ignore[misc]
    for name in operations:
        if name in vars(cls):
            patches.method(cls, name, spanned(vars(cls)[name], f"{prefix or cls.__name__}.{name}"))


def install(patches: Patches, threading: Any) -> None:
    """Cover `threading`."""
    _cover(patches, threading.Condition, ObjectKind.CONDITION, ("wait", "wait_for", "notify", "notify_all"))
    _cover(patches, threading.Event, ObjectKind.EVENT, ("set", "clear", "wait"))
    _cover(patches, threading.Semaphore, ObjectKind.SEMAPHORE, ("acquire", "release"))
    patches.set(threading.Semaphore, "__enter__", threading.Semaphore.acquire)
    bounded = threading.BoundedSemaphore
    patches.method(bounded, "release", spanned(vars(bounded)["release"], "Semaphore.release"))
    _cover(patches, threading.Barrier, ObjectKind.BARRIER, ("wait", "reset", "abort"))
    patches.method(threading.Timer, "cancel", spanned(threading.Timer.cancel, "Timer.cancel", _PROCESS))
    patches.method(threading.Event, "is_set", _read(threading.Event.is_set, Kind.IS_SET))
    for name, kind in (("n_waiting", Kind.N_WAITING), ("broken", Kind.BROKEN)):
        patches.set(threading.Barrier, name, property(_read(vars(threading.Barrier)[name].fget, kind)))


def install_queue(patches: Patches, queue: Any) -> None:
    """Cover `queue.Queue`; its kin inherit."""
    _cover(patches, queue.Queue, ObjectKind.QUEUE, ("put", "get", "join", "task_done", "qsize", "empty", "full", "shutdown"))


def install_futures(patches: Patches, base: Any) -> None:
    """Cover `concurrent.futures`, and let futures iterate in sets by a serial instead of by address."""
    from simcore.runtime.threads import serial

    operations = ("result", "exception", "cancel", "add_done_callback")
    _cover(patches, base.Future, ObjectKind.FUTURE, operations)
    real = base.Future.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        actor = actors.here()
        if actor is not None:
            self.simcore_serial = serial(actor)
        real(self, *args, **kwargs)

    def __hash__(self: Any) -> int:
        number: int | None = self.__dict__.get("simcore_serial")
        return object.__hash__(self) if number is None else number

    patches.method(base.Future, "__init__", __init__)
    patches.method(base.Future, "__hash__", __hash__)
    acquire = base._AcquireFutures

    def in_order(self: Any, futures: Any) -> None:
        """Sorted by creation instead of by address, which is as good an order for locking and the same in replay."""
        self.futures = sorted(futures, key=lambda future: (hash(future), id(future)))

    patches.method(acquire, "__init__", in_order)
    patches.set(base, "wait", spanned(base.wait, "futures.wait", _PROCESS))


def install_thread_executor(patches: Patches, module: Any) -> None:
    """Cover `ThreadPoolExecutor`."""
    cls = module.ThreadPoolExecutor
    _cover(patches, cls, ObjectKind.EXECUTOR, ("submit", "shutdown"), "Executor")
