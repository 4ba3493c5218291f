"""`multiprocessing.Pool`, and `ThreadPool`: what its own threads share without a lock, and the operations of the program.

All else is made of queues, processes and threads, which are recorded as such.
"""

import threading
from collections.abc import Iterator
from sys import getrefcount
from types import SimpleNamespace
from typing import Any, Final

from simcore.runtime import gate
from simcore.runtime.actors import acting
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import tasks
from simcore.runtime.processes.unlocked import Adopted, change, look
from simcore.runtime.spans import named, spanned
from simcore.trace.events import Kind, ObjectKind

_STATES: Final = ("INIT", "RUN", "CLOSE", "TERMINATE")
_ALONE: Final = 3
"""References to a pool that has no other than its result's, as they are counted in the result's `_set`."""


class _Thread(threading.Thread):
    """One of a pool's own threads. Others tell it by a plain attribute when to stop."""

    simcore_id = 0

    @property
    def _state(self) -> str:
        return _STATES[look(self.simcore_id, lambda: _STATES.index(self.__dict__["_state"]))]

    @_state.setter
    def _state(self, state: str) -> None:
        with change(self.simcore_id if "_state" in self.__dict__ else 0, _STATES.index(state)):
            self.__dict__["_state"] = state


_Thread.__module__, _Thread.__name__, _Thread.__qualname__ = "threading", "Thread", "Thread"


class _Workers(list[Any]):
    """The workers of a pool. One thread replaces them and sees them as they are; others are told how many there are."""

    simcore_id = 0
    keeper: Any = None

    def _number(self) -> int:
        if self.keeper is None or self.keeper.__dict__.get("simcore_actor") is acting():
            return 0  # there is nobody else yet, or this is who changes it
        return self.simcore_id

    def __len__(self) -> int:
        return look(self._number(), super().__len__)

    def __iter__(self) -> Iterator[Any]:
        told = look(self._number(), super().__len__)
        found = [*super().__iter__()]
        # One that is not there yet, or no more, only counts here: it is for each of them that one last message is sent.
        return iter([*found, *[None] * (told - len(found))][:told])


def install(patches: Patches, module: Any) -> None:
    """Replace what a pool's threads share, and cover what a pool offers."""
    pool = module.Pool
    _adopt(pool)
    patches.set(module._PoolCache, "__len__", lambda self: look(self.__dict__.get("simcore_id", 0), lambda: dict.__len__(self)))
    patches.method(pool, "__init__", named(pool.__init__, ObjectKind.POOL))
    patches.method(pool, "_check_running", _check_running(pool._check_running))
    counter = module.job_counter

    def next_job() -> int:
        actor = acting()
        return next(counter) if actor is None else gate.current.local(actor, Kind.DRAW, 0, counter.__next__)

    patches.set(module, "job_counter", iter(next_job, None))
    patches.set(module, "worker", tasks.working(module.worker, lambda task: task[0]))
    patches.method(pool, "_guarded_task_generation", _of_nobody(pool._guarded_task_generation))
    for cls in (module.ApplyResult, module.IMapIterator):
        patches.method(cls, "__init__", _result(cls.__init__))
    patches.method(module.ApplyResult, "_set", _set(module.ApplyResult._set))
    patches.method(module.MapResult, "__init__", _guarded(module.MapResult.__init__))
    patches.method(module.MapResult, "_set", _set(module.MapResult._set))
    for name in ("apply", "apply_async", "map", "map_async", "starmap", "starmap_async", "imap", "imap_unordered"):
        patches.method(pool, name, spanned(vars(pool)[name], f"Pool.{name}"))
    for name in ("close", "terminate", "join"):
        patches.method(pool, name, spanned(vars(pool)[name], f"Pool.{name}"))
    for name in ("get", "wait", "ready"):
        patches.method(module.ApplyResult, name, spanned(vars(module.ApplyResult)[name], f"AsyncResult.{name}"))
    following = spanned(module.IMapIterator.next, "IMapIterator.next")
    patches.method(module.IMapIterator, "next", following)
    patches.set(module.IMapIterator, "__next__", following)


def _adopt(pool: Any) -> None:
    """Take over what is assigned to a pool's attributes."""

    def thread(value: Any, owner: Any) -> Any:
        if type(value) is threading.Thread:
            value.__class__ = _Thread
            value.simcore_id = owner.__dict__.get("simcore_id", 0)  # type: ignore[attr-defined]
        return value

    def keeper(value: Any, owner: Any) -> Any:
        owner._pool.keeper = value
        return thread(value, owner)

    def workers(value: Any, owner: Any) -> Any:
        made = _Workers(value)
        made.simcore_id = owner.__dict__.get("simcore_id", 0)
        return made

    def cache(value: Any, owner: Any) -> Any:
        value.simcore_id = owner.__dict__.get("simcore_id", 0)
        return value

    def queue(value: Any, owner: Any) -> Any:
        if hasattr(value, "_reader"):  # else it is a queue of threads
            tasks.offer(value, owner.__dict__.get("simcore_id", 0))
        return value

    for name, adopt in (
        ("_worker_handler", keeper),
        ("_task_handler", thread),
        ("_result_handler", thread),
        ("_pool", workers),
        ("_cache", cache),
        ("_inqueue", queue),
    ):
        setattr(pool, name, Adopted(name, adopt))


def _check_running(original: Any) -> Any:
    def check_running(self: Any) -> None:
        try:
            state = look(self.__dict__.get("simcore_id", 0), lambda: _STATES.index(self._state))
            original(SimpleNamespace(_state=_STATES[state]))
        except BaseException as error:
            hide(error)
            raise

    return check_running


def _result(original: Any) -> Any:
    """A result belongs to its pool, and with it a job is put into that."""

    def __init__(self: Any, pool: Any, *arguments: Any, **named: Any) -> None:
        self.simcore_id = pool.__dict__.get("simcore_id", 0)
        try:
            original(self, pool, *arguments, **named)
            tasks.put(pool._inqueue, self._job)
        except BaseException as error:
            hide(error)
            raise

    return __init__


def _of_nobody(original: Any) -> Any:
    """The tasks of a job, which the thread that sends them drops some time after the last; the pool is not kept by them.

    Their results keep it, and it would be chance whether whoever has those is the last that has the pool.
    """

    def generate(self: Any, *arguments: Any) -> Any:
        return original(None, *arguments)

    return generate


def _guarded(original: Any) -> Any:
    """Of a `MapResult`: two threads of the pool bring it results, one of them such that could not be sent to a worker.

    It counts them without a lock. With this one it is recorded which comes first. Nobody waits for it while a callback runs: that
    is when the last result is there.
    """

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        self.simcore_lock = threading.Lock()
        try:
            original(self, *arguments, **named)
        except BaseException as error:
            hide(error)
            raise

    return __init__


def _set(original: Any) -> Any:
    def set_result(self: Any, i: int, obj: Any) -> None:
        lock = self.__dict__.get("simcore_lock")
        try:
            if lock is None:
                _let_go(self)
                original(self, i, obj)
                return
            with lock:
                if self._number_left == 1:
                    _let_go(self)
                original(self, i, obj)
        except BaseException as error:
            hide(error)
            raise

    return set_result


def _let_go(result: Any) -> None:
    """The pool is kept by its results until they are there, and ended when nobody has it any more.

    Whoever waits for the result has the pool perhaps, and drops it when it comes: so that it is not chance who is the last, the
    result drops it before.
    """
    pool = result._pool
    if getrefcount(pool) > _ALONE:
        result._pool = None
