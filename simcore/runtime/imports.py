"""Imports: the locks of modules that are being imported, and a step behind the import of a module that a family replaces.

Once there are threads, who imports a module first decides on whose behalf its body runs, so taking a module's lock is an event.
It is none of the actor's steps and replay bears with one more or less: whether a thread finds a module ready or still in the
making is decided between its events.
"""

import importlib._bootstrap as bootstrap
import sys
from collections.abc import Callable
from sys import _getframe as get_frame
from types import ModuleType
from typing import Any

from simcore.runtime import actors, gate
from simcore.runtime.actors import acting, site_of
from simcore.runtime.patches import Patches
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

threaded = False
"""Whether the program has started a thread: before that, imports are nobody's race."""

_IMPORTS = FIXED_OBJECTS.index((ObjectKind.IMPORTS, "imports"))
_Lock: Any = bootstrap._ModuleLock  # type: ignore[attr-defined]
_acquire, _release = _Lock.acquire, _Lock.release


def _take(self: Any) -> Any:
    actor = acting() if threaded else None
    if actor is None or not gate.current.offers(actor, Kind.IMPORT, self.name):
        return _acquire(self)
    site = site_of(get_frame(1))
    gate.current.enter(actor, Kind.IMPORT, _IMPORTS, site)
    gate.current.importing(actor, self.name)
    try:
        return _acquire(self)
    finally:
        gate.current.leave(actor, Kind.IMPORT, _IMPORTS, site, actors.intern_text(self.name))


def _give(self: Any) -> None:
    actor = acting() if threaded else None
    if actor is None:
        _release(self)
    elif not gate.current.following:
        gate.current.give(actor, Kind.IMPORTED, _IMPORTS, 0, actors.intern_text(self.name))
        _release(self)
    else:
        # Given back at once, before its turn: whoever found the module ready when it was recorded must find it so again.
        prescribed = gate.current.offers(actor, Kind.IMPORTED, self.name)
        _release(self)
        spec = getattr(sys.modules.get(self.name), "__spec__", None)
        if not getattr(spec, "_initializing", False):  # else a part of the module took the lock of the whole
            gate.current.imported(self.name)
        if prescribed:
            gate.current.give(actor, Kind.IMPORTED, _IMPORTS, 0, actors.intern_text(self.name))
            gate.current.gave(actor)


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


def install(patches: Patches, steps: dict[str, Callable[[Any], None]]) -> None:
    """Put the replacements in place, and take the steps whose modules are there already."""
    patches.method(_Lock, "acquire", _take)
    patches.method(_Lock, "release", _give)
    sys.meta_path.insert(0, Families(steps))
