"""`ProcessPoolExecutor`: what its manager thread and the program's threads share without a lock, and who does which task.

The manager thread looks at its executor through a weak reference, and has it for a moment whenever it does: so it may be the last
to have it. Here it is given what it needs of the executor without the executor itself.
"""

import os
import weakref
from contextlib import nullcontext
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.actors import Actor, acting
from simcore.runtime.coming import coming
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import tasks
from simcore.runtime.processes.unlocked import Adopted, Entries, change, look
from simcore.runtime.spans import named, spanned
from simcore.trace.events import Kind, ObjectKind


class _Inside:
    """What an executor is made of: it has its attributes and methods, but does not keep it."""

    __slots__ = ("__dict__", "_class")

    def __init__(self, executor: Any) -> None:
        self._class = type(executor)
        self.__dict__ = executor.__dict__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._class, name).__get__(self)


class _Reference:
    """What a manager thread has for a weak reference to its executor. To ask it does not keep the executor for a moment."""

    def __init__(self, executor: Any, original: Any) -> None:
        self._number = executor.simcore_id
        self._inside = _Inside(executor)
        self._gone: list[object] = []
        self._weak = weakref.ref(executor, self._gone.append)
        # The callback of the original takes a lock. It is kept, so that it is called also if the manager thread was freed
        # before: when a thread that has ended is freed is in no recording.
        _kept[executor] = original

    def __call__(self) -> Any:
        return self._inside if look(self._number, lambda: int(not self._gone)) else None


_kept: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


class _Pending(Entries):
    """Tasks that wait, by their numbers. They are put in with the executor's lock."""

    queue: Any = None

    def __setitem__(self, key: Any, value: Any) -> None:
        tasks.put(self.queue, key)
        dict.__setitem__(self, key, value)


def install(patches: Patches, module: Any) -> None:
    """Replace what threads share, and cover what an executor offers."""
    cls, manager = module.ProcessPoolExecutor, module._ExecutorManagerThread
    _adopt(cls)
    patches.method(cls, "__init__", named(cls.__init__, ObjectKind.POOL))
    patches.method(manager, "__init__", _manager_init(manager.__init__))
    patches.method(manager, "is_shutting_down", _is_shutting_down(manager.is_shutting_down))
    bell = module._ThreadWakeup
    patches.method(bell, "wakeup", _wakeup(bell.wakeup, module))
    patches.method(bell, "close", _close(bell.close))
    patches.set(module, "_process_worker", tasks.working(module._process_worker, lambda task: task.work_id))
    for name in ("submit", "map", "shutdown"):
        patches.method(cls, name, spanned(vars(cls)[name], f"Executor.{name}"))


def _adopt(cls: Any) -> None:
    def processes(value: Any, owner: Any) -> Any:
        if type(value) is not dict:
            return value
        made = Entries(value)
        made.simcore_id = owner.simcore_id
        return made

    def pending(value: Any, owner: Any) -> Any:
        made = _Pending(value)
        made.simcore_id = owner.simcore_id
        return made

    def call_queue(value: Any, owner: Any) -> Any:
        if value is not None:
            tasks.offer(value, owner.simcore_id)
            owner._pending_work_items.queue = value
        return value

    def shutting_down(value: Any, owner: Any) -> Any:
        with change(owner.simcore_id if "_shutdown_thread" in owner.__dict__ else 0, int(value)):
            owner.__dict__["_shutdown_thread"] = value
        return value

    def wakeup(value: Any, owner: Any) -> Any:
        if value is not None:
            value.simcore_id = owner.simcore_id
        return value

    for name, adopt in (
        ("_executor_manager_thread_wakeup", wakeup),
        ("_processes", processes),
        ("_pending_work_items", pending),
        ("_call_queue", call_queue),
        ("_shutdown_thread", shutting_down),
    ):
        setattr(cls, name, Adopted(name, adopt))


def _manager_init(original: Any) -> Any:
    def __init__(self: Any, executor: Any) -> None:
        try:
            original(self, executor)
        except BaseException as error:
            hide(error)
            raise
        self.simcore_id = executor.simcore_id
        if self.simcore_id:
            self.executor_reference = _Reference(executor, self.executor_reference)

    return __init__


_ringing = originals.allocate_lock()
"""While recording: a bell is not closed while it is rung. Up to 3.12 it could be, at the end of the program, and raise an error;
our part in the ringing would make that frequent."""


def _ring_anew() -> None:
    global _ringing
    _ringing = originals.allocate_lock()


os.register_at_fork(after_in_child=_ring_anew)


def _wakeup(original: Any, module: Any) -> Any:
    """At the end of the program alone nobody has the executor's lock, and whether it was closed by then is anybody's guess."""

    def wakeup(self: Any) -> None:
        try:
            actor = acting()
            if not module._global_shutdown or actor is None:
                original(self)
            elif not gate.current.following:
                with _ringing:
                    original(self)
            elif _sends_next(actor, getattr(self._writer, "simcore_id", 0)):
                self._writer.send_bytes(b"")
        except BaseException as error:
            hide(error)
            raise

    return wakeup


def _sends_next(actor: Actor, number: int) -> bool:
    """In replay: whether the trace has this actor send through that connection now."""
    following = coming(actor)
    return following is not None and following.kind == Kind.SEND and following.object_id == number


def _close(original: Any) -> Any:
    def close(self: Any) -> None:
        apart = nullcontext() if gate.current.following else _ringing
        with apart, change(0 if self._closed else getattr(self, "simcore_id", 0), 1):
            original(self)

    return close


def _is_shutting_down(original: Any) -> Any:
    def is_shutting_down(self: Any) -> bool:
        return bool(look(self.simcore_id, lambda: int(bool(original(self)))))

    return is_shutting_down
