"""Imports in a replay: each module is executed by whom it was when it was recorded, all others wait until it is ready.

Whether a thread finds a module missing, in the making or ready is decided where nobody can make it wait: in the middle of an
import statement. So what it found in the recording is brought about behind that. Who waits for a module holds no turn, and what
it waits for came before its next turn when it was recorded; so no two wait for each other.
"""

import importlib._bootstrap as bootstrap
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from simcore.runtime import gate, originals, rest
from simcore.runtime.actors import Actor
from simcore.runtime.frames import hide
from simcore.runtime.imports import (
    AWAITED,
    DEADLOCK,
    EXECUTES,
    FAILED,
    IMPORTS,
    MISSED,
    UNFINISHED,
    DeadlockError,
    Lock,
    acquire,
    is_there,
    missed,
    note,
    release,
)
from simcore.runtime.rest import is_ready
from simcore.trace.events import Kind

if TYPE_CHECKING:
    from simcore.runtime.follow import Follow

_GLANCE_S: Final = 0.0005
"""How long an actor waits before it first looks whether something else has come than it waits for; later it looks less often."""
_GLANCES: Final = 4000
"""How often it looks for what need not come: some seconds."""

_loading: dict[str, list[Actor]] = {}
"""Who executes a module now, innermost last."""
_waiting: dict[Actor, str] = {}
"""The module that an actor is about to take the lock of, or waits for."""
_latches: dict[str, list[Any]] = {}
"""One for each actor that waits until the lock of a module is given back."""
_failed: dict[str, Any] = {}
"""What is left of modules whose execution failed."""
_here = originals.local()


class _Cycle(Lock):  # type: ignore[misc]
    """Taking it is a deadlock: the error then comes from where it does in a plain run."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.owner = -1
        self.count = [True]

    def has_deadlock(self) -> bool:
        return True


class _Thread:
    """The locks that a thread has taken or seems to have, outermost last, and the modules that it is not to wait for again."""

    def __init__(self) -> None:
        self.taken: list[tuple[Any, Callable[[], None]]] = []
        self.passed: set[str] = set()


def _thread() -> _Thread:
    try:
        known: _Thread = _here.thread
    except AttributeError:
        known = _here.thread = _Thread()
    return known


# Taking a lock ------------------------------------------------------------------------------------------------------------------


def take(lock: Any, actor: Actor, frame: Any) -> None:
    """Go on as it was recorded: with the lock of a module that is to be executed or is ready, or without it."""
    thread = _thread()
    if lock.name in thread.passed and is_there(frame):
        thread.passed.discard(lock.name)
        acquire(_Cycle(lock.name))  # the import knows this error and goes on
    _waiting[actor] = lock.name
    try:
        _take(lock, actor, frame, thread)
    finally:
        _waiting.pop(actor, None)
        rest.importing.pop(actor, None)


def _take(lock: Any, actor: Actor, frame: Any, thread: _Thread) -> None:
    name: str = lock.name
    follow: Follow = gate.current  # type: ignore[assignment]
    before = missed(frame)
    may_pass = bool(before)
    found = sys.modules.get(name) if is_there(frame) else None
    for latch_s in _glances():
        if lock.owner == originals.get_ident() and name in sys.modules:
            break
        head = follow.next_import(actor)
        how = head.removeprefix(name + before) if head.startswith(name + before) else None
        if how == AWAITED:
            _turn(actor, name, before + how, frame)
            may_pass = False
        elif how == EXECUTES:
            _execute(lock, actor, frame, thread, before)
            return
        elif how in (UNFINISHED, DEADLOCK):
            _go_on_unfinished(lock, actor, frame, thread, before + how)
            return
        elif how == FAILED:
            _go_on_failed(lock, actor, frame, thread, before + how)
            return
        if is_ready(name) or name not in follow.imports:
            break
        if may_pass and name in sys.modules:
            _pass(lock, frame, thread, lambda: None)
            return
        if follow.has_turn(actor) and _is_stuck(name):
            if not head:
                break
            follow.skip_import(actor)
            continue
        rest.importing[actor] = name
        _wait(name, latch_s)
        del rest.importing[actor]
    acquire(lock)
    thread.taken.append((lock, lambda: _give_back(lock)))
    ready = sys.modules.get(name)
    if found is not None and ready is not found and isinstance(found, ModuleType) and isinstance(ready, ModuleType):
        vars(found).update(vars(ready))  # what it found first has failed, and the import is bound to return that


def _execute(lock: Any, actor: Actor, frame: Any, thread: _Thread, how: str) -> None:
    name = lock.name
    if is_there(frame):
        # The one that it found in the making is another actor's and will fail, for it executed the module itself.
        try:
            bootstrap._find_and_load(name, bootstrap._gcd_import)  # type: ignore[attr-defined]
        except DeadlockError as error:
            thread.taken.append((lock, _raising(error)))  # as what the lock itself raises the import would pass over it
            return
        acquire(lock)
        thread.taken.append((lock, lambda: _give_back(lock)))
        return
    gate.current.enter(actor, Kind.IMPORT, IMPORTS, 0)
    try:
        acquire(lock)
        _loading.setdefault(name, []).append(actor)
        thread.taken.append((lock, lambda: _executed(lock)))
    finally:
        note(actor, name, how, frame)
    parent = name.rpartition(".")[0]
    if parent:
        _miss(actor, parent, frame)


def _miss(actor: Actor, parent: str, frame: Any) -> None:
    """Where it found no package next in the recording, it might find one in the making now: wait until that is ready, or gone."""
    follow: Follow = gate.current  # type: ignore[assignment]
    head = follow.next_import(actor)
    if not head.startswith(parent + MISSED):
        return
    _waiting[actor] = parent
    if head == parent + MISSED + AWAITED:
        _turn(actor, parent, MISSED + AWAITED, frame)
        _wait_until(lambda: is_ready(parent))
    elif head == parent + MISSED + EXECUTES:
        follow.await_turn(actor)
        _wait_until(lambda: parent not in sys.modules)
    elif head == parent + MISSED + DEADLOCK:
        _turn_of_a_ring(actor, parent, MISSED + DEADLOCK, frame)
        give(_thread().taken[-1][0])
        acquire(_Cycle(parent))


def _go_on_unfinished(lock: Any, actor: Actor, frame: Any, thread: _Thread, how: str) -> None:
    _turn_of_a_ring(actor, lock.name, how, frame)
    if how.endswith(UNFINISHED):
        _pass(lock, frame, thread, lambda: None)
    elif is_there(frame):
        thread.taken.append((lock, lambda: acquire(_Cycle(lock.name))))
    else:
        acquire(_Cycle(lock.name))


def _turn_of_a_ring(actor: Actor, name: str, how: str, frame: Any) -> None:
    """Its executor must have come as far as it had: to where it waits, over others or not, for this actor."""
    gate.current.enter(actor, Kind.IMPORT, IMPORTS, 0)
    try:
        _wait_until(lambda: _leads_to(actor, name))
    finally:
        note(actor, name, how, frame)


def _go_on_failed(lock: Any, actor: Actor, frame: Any, thread: _Thread, how: str) -> None:
    name = lock.name
    gate.current.enter(actor, Kind.IMPORT, IMPORTS, 0)
    try:
        acquire(lock)
    finally:
        note(actor, name, how, frame)
    module = _failed.get(name)
    if is_there(frame) or module is None:
        thread.taken.append((lock, lambda: _give_back(lock)))
        return
    ready = sys.modules.get(name)

    def put_back() -> None:
        if ready is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = ready
        module.__spec__._initializing = False
        _give_back(lock)

    module.__spec__._initializing = True  # so that nobody else takes it for ready
    sys.modules[name] = module
    _pass(lock, frame, thread, put_back)


def _pass(lock: Any, frame: Any, thread: _Thread, end: Callable[[], None]) -> None:
    """Go on with the module as it is, without its lock."""
    if is_there(frame):
        acquire(_Cycle(lock.name))  # the import knows this error and goes on
    thread.taken.append((lock, end))
    thread.passed.add(lock.name)


def _raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


# Giving it back -----------------------------------------------------------------------------------------------------------------


def give(self: Any) -> None:
    """As `_ModuleLock.release`; it does what belongs to the way in which the lock was taken."""
    taken = _thread().taken
    try:
        if taken and taken[-1][0] is self:
            taken.pop()[1]()
        else:
            _give_back(self)
    except BaseException as error:
        hide(error)
        raise


def _give_back(lock: Any) -> None:
    release(lock)
    for latch in _latches.pop(lock.name, ()):
        latch.release()


def _executed(lock: Any) -> None:
    name = lock.name
    loading = _loading[name]
    loading.pop()
    if not loading:
        del _loading[name]
    if name not in sys.modules:
        _keep_failed(name)
    _give_back(lock)


def _keep_failed(name: str) -> None:
    error = sys.exc_info()[1]
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        values = trace.tb_frame.f_locals if trace.tb_frame.f_code is _LOADS_MODULE else {}
        if isinstance(values.get("module"), ModuleType) and values["spec"].name == name:
            _failed[name] = values["module"]
        trace = trace.tb_next


_LOADS_MODULE = bootstrap._load_unlocked.__code__  # type: ignore[attr-defined]


# Waiting ------------------------------------------------------------------------------------------------------------------------


def _leads_to(actor: Actor, name: str) -> bool:
    """Whether the executor of this module waits for a module of this actor's, or for one of somebody who does."""
    for _ in range(len(_waiting) + 1):
        loading = _loading.get(name)
        if not loading or loading[-1] not in _waiting:
            return False
        name = _waiting[loading[-1]]
        if actor in _loading.get(name, ()):
            return True
    return False


def _is_stuck(name: str) -> bool:
    """Whether a module cannot become ready while the actor that asks has the turn."""
    for _ in range(len(_waiting) + 1):
        loading = _loading.get(name)
        if not loading:
            return not is_ready(name)
        if loading[-1].following.blocked:
            return True
        waits_for = _waiting.get(loading[-1])
        if waits_for is None:
            return False
        name = waits_for
    return True


def _turn(actor: Actor, name: str, how: str, frame: Any) -> None:
    gate.current.enter(actor, Kind.IMPORT, IMPORTS, 0)
    note(actor, name, how, frame)


def _glances() -> Iterator[float]:
    latch_s = _GLANCE_S
    while True:
        yield latch_s
        latch_s = min(latch_s * 1.5, 20 * _GLANCE_S)


def _wait(name: str, seconds: float) -> None:
    """Until the module's lock is given back, or for some time."""
    latch = originals.allocate_lock()
    latch.acquire()
    latches = _latches.setdefault(name, [])
    latches.append(latch)
    if not is_ready(name):
        latch.acquire(True, seconds)
    if latch in latches:
        latches.remove(latch)


def _wait_until(done: Callable[[], bool]) -> None:
    """For what comes in a moment; if it does not, the replay goes on without."""
    for _ in range(_GLANCES):
        if done():
            return
        originals.sleep(_GLANCE_S)
