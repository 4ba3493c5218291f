"""Imports: who executes a module that several threads want, and a step behind the import of a module that a family replaces.

Once there are threads, who comes first to a module decides on whose behalf its body runs. So taking the module's lock is an event
when the body is to run under it; whoever finds the module there goes on once it is ready, and that takes no event: in replay it
waits for it (see `reimports`). Some find it neither: these events have, behind the module's name, how they went on. All of them
are none of the actor's steps.
"""

import importlib
import importlib._bootstrap as bootstrap
import sys
from collections.abc import Callable
from sys import _getframe as get_frame
from types import ModuleType
from typing import Any, Final

from simcore.runtime import gate, rest, sites
from simcore.runtime.actors import Actor, acting
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.sites import site_of
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

threaded = False
"""Whether the program has started a thread: before that, imports are nobody's race."""

EXECUTES: Final = ""
"""It found no module under the lock and executes it; or it executes it again, in a reload."""
AWAITED: Final = ", awaited"
"""Under the lock it found the module, ready. Recorded of parents only: see MISSED."""
FAILED: Final = ", failed"
"""It waited for a module whose execution failed: it goes on with what is left of it."""
UNFINISHED: Final = ", unfinished"
"""Waiting would have been a deadlock: it goes on with the module as it is."""
DEADLOCK: Final = ", deadlock"
"""Waiting would have been a deadlock, and there was no module yet: the import fails."""
MISSED: Final = ", for a part"
"""Before one of the others: it has begun to import a part of this package, and found no package where it looked for it first."""

IMPORTS: Final = FIXED_OBJECTS.index((ObjectKind.IMPORTS, "imports"))

Lock: Any = bootstrap._ModuleLock  # type: ignore[attr-defined]
DeadlockError: Any = bootstrap._DeadlockError  # type: ignore[attr-defined]
acquire, release = Lock.acquire, Lock.release

_ENTERS = bootstrap._ModuleLockManager.__enter__.__code__  # type: ignore[attr-defined]
_FINDS = bootstrap._find_and_load.__code__  # type: ignore[attr-defined]
_IMPORTS_BY_NAME = bootstrap._gcd_import.__code__  # type: ignore[attr-defined]
_CALLS = bootstrap._call_with_frames_removed.__code__  # type: ignore[attr-defined]
_LOADS = bootstrap._find_and_load_unlocked.__code__  # type: ignore[attr-defined]
_RELOADS = bootstrap._exec.__code__  # type: ignore[attr-defined]
_AWAITS = bootstrap._lock_unlock_module.__code__  # type: ignore[attr-defined]


def is_there(frame: Any) -> bool:
    """Whether the caller of the lock has a module already, which it found in the making, and only waits until it is ready."""
    return frame.f_code is _AWAITS


def is_parent(frame: Any) -> bool:
    """Whether the lock's caller imports the package of a module that it has begun to import, for there seemed to be none."""
    if is_there(frame) and frame.f_back.f_code is _FINDS:
        return False  # it has waited already
    while frame.f_code in (_AWAITS, _ENTERS, _FINDS, _IMPORTS_BY_NAME):
        frame = frame.f_back
    return frame.f_code is _CALLS and frame.f_back.f_code is _LOADS


def _how(name: str, found: Any, frame: Any) -> str | None:
    """How the holder of a module's lock goes on, which has found one in the making; None where that or another is ready now."""
    if name not in sys.modules:
        return FAILED if is_there(frame) else EXECUTES
    if found is not None and sys.modules[name] is not found:
        return FAILED
    if is_parent(frame):
        return AWAITED
    return EXECUTES if frame.f_back.f_code is _RELOADS else None


def missed(frame: Any) -> str:
    """What goes before how it goes on."""
    return MISSED if is_parent(frame) else ""


def note(actor: Actor, name: str, how: str, frame: Any) -> None:
    """Record an event of the module `name` and pass its turn on."""
    gate.current.leave(actor, Kind.IMPORT, IMPORTS, site_of(frame), sites.intern_text(name + how))


def _await(lock: Any, actor: Actor) -> None:
    rest.importing[actor] = lock.name
    try:
        acquire(lock)
    finally:
        rest.importing.pop(actor, None)
        actor.stay()


def _take_first(lock: Any, actor: Actor, frame: Any) -> None:
    found = sys.modules.get(lock.name) if is_there(frame) else None
    try:
        _await(lock, actor)
    except DeadlockError:
        note(actor, lock.name, missed(frame) + (UNFINISHED if is_there(frame) else DEADLOCK), frame)
        raise
    how = _how(lock.name, found, frame)
    if how is not None:
        note(actor, lock.name, missed(frame) + how, frame)


_take_lock = _take_first


def _take(self: Any) -> bool:
    actor = acting() if threaded else None
    try:
        if actor is None:
            acquire(self)
        else:
            _take_lock(self, actor, get_frame(1))
    except BaseException as error:
        hide(error)
        raise
    return True


class Families:
    """A finder that finds nothing itself: it lets the others find, and adds a step behind the module's own execution."""

    def __init__(self, steps: dict[str, Callable[[Any], None]]) -> None:
        self._steps = steps
        for name in list(steps):
            module = sys.modules.get(name)
            if module is not None:
                self._arrived(name, module)

    def _arrived(self, name: str, module: ModuleType) -> None:
        step = self._steps.pop(name, None)
        if step is not None:
            step(module)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec that the other finders give, with our step in its loader; None for all other modules."""
        if name not in self._steps:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                self._add_step(name, spec.loader)
                return spec
        return None

    def _add_step(self, name: str, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            loader.exec_module = execute
            execute(module)
            self._arrived(name, module)

        loader.exec_module = exec_module


def keep_raw(patches: Patches) -> None:
    """Leave the import system its raw locks, before the factories change: each import would else be a dozen events."""
    import _thread

    private = ModuleType("_thread")
    private.__dict__.update(vars(_thread))
    patches.set(bootstrap, "_thread", private)


class _Reloading(dict[str, ModuleType]):
    """`importlib._RELOADING`: the modules that are being executed again. No lock guards it; who finds his there does nothing."""

    def __contains__(self, name: object) -> bool:
        actor = acting()
        if actor is None:
            return super().__contains__(name)
        found = super().__contains__
        return bool(gate.current.read(actor, Kind.READ, IMPORTS, site_of(get_frame(1)), lambda: int(found(name))))

    def __missing__(self, name: str) -> ModuleType:
        return sys.modules[name]  # in replay: it was there


def install(patches: Patches, steps: dict[str, Callable[[Any], None]]) -> None:
    """Put the replacements in place, and take the steps whose modules are there already."""
    patches.method(Lock, "acquire", _take)
    if gate.current.following:
        from simcore.runtime import reimports

        global _take_lock
        _take_lock = reimports.take
        patches.method(Lock, "release", reimports.give)
    patches.set(importlib, "_RELOADING", _Reloading(importlib._RELOADING))  # type: ignore[attr-defined]
    sys.meta_path.insert(0, Families(steps))
