"""Hands out our locks under every name, and replaces those that modules took before us.

`site` and `.pth` files may have imported much before the runtime starts. A raw lock that is held while its holder waits for a
turn would stop everybody, so every lock that the program can reach is found and wrapped, and every factory that was taken is
replaced.
"""

import _thread
import gc
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from simcore.runtime import actors, locks, originals
from simcore.runtime.patches import Patches
from simcore.trace.events import ObjectKind

_EARLIER = 1_000_000
"""Objects that were there before the program are counted from here."""

_NOT_SWEPT = ("simcore", "threading", "_thread", "importlib", "_frozen")
"""Modules whose locks are bookkeeping that nobody waits in for a turn."""


def install(patches: Patches, lock: type[locks.Lock], rlock: type[locks.RLock]) -> None:
    """Put these two in the place of the C ones."""
    waiting = threading.Condition.wait.__code__

    def new_lock() -> locks.Lock:
        """allocate_lock() -> lock object"""
        return lock(ObjectKind.WAITER if sys._getframe(1).f_code is waiting else ObjectKind.LOCK)

    for kind, name in ((lock, "lock"), (rlock, "RLock")):
        kind.__module__, kind.__name__, kind.__qualname__ = "_thread", name, name
    offered: Any = lock if isinstance(threading.Lock, type) else new_lock  # a class from 3.13 on
    _sweep(patches, lock, rlock, offered)
    for owner, name, value in (
        (_thread, "allocate_lock", new_lock),
        (_thread, "allocate", new_lock),
        (_thread, "LockType", lock),
        (_thread, "lock", lock),
        (_thread, "RLock", rlock),
        (threading, "Lock", offered),
        (threading, "_allocate_lock", new_lock),
        (threading, "_CRLock", rlock),
        (threading, "RLock", rlock if isinstance(threading.RLock, type) else threading.RLock),
    ):
        patches.set(owner, name, value)


def _sweep(patches: Patches, lock: type[locks.Lock], rlock: type[locks.RLock], offered: Any) -> None:
    raw_lock, raw_rlock = type(originals.allocate_lock()), originals.RLock
    main = actors.here()
    if main is not None:  # in the fork server they are nobody's
        main.raw -= 1  # these are objects of the program's
        # How many there are depends on what this machine's `site` imports: they must not shift the numbers of the program's own.
        main.created = dict.fromkeys(ObjectKind, _EARLIER)
    try:
        for name, module in sorted(sys.modules.items()):
            if name.startswith(_NOT_SWEPT):
                continue
            for key, value in list(getattr(module, "__dict__", {}).items()):
                if type(value) is raw_lock:
                    patches.set(module, key, lock(raw=value))
                elif type(value) is raw_rlock:
                    patches.set(module, key, rlock(raw=value))
                elif value is originals.allocate_lock:
                    patches.set(module, key, offered)
                elif value is originals.RLock:
                    patches.set(module, key, rlock)
        for item in _with_dictionaries(gc.get_objects()):
            inside = getattr(item, "__dict__", None)
            if type(inside) is not dict:
                continue
            for key, value in list(inside.items()):
                if type(value) is raw_lock:
                    inside[key] = lock(raw=value)
                elif type(value) is raw_rlock:
                    inside[key] = rlock(raw=value)
    finally:
        if main is not None:
            main.created = {}
            main.raw += 1


def _with_dictionaries(items: list[Any]) -> Iterator[Any]:
    """Those of the objects that have attributes of their own and are not left out; most of all there are belong to few types."""
    wanted: dict[type, bool] = {}
    for item in items:
        kind = type(item)
        is_wanted = wanted.get(kind)
        if is_wanted is None:
            is_wanted = wanted[kind] = (
                not issubclass(kind, (type, ModuleType))
                and bool(kind.__dictoffset__)
                and not str(kind.__module__).startswith(_NOT_SWEPT)
            )
        if is_wanted:
            yield item


def install_logging(patches: Patches, logging: Any) -> None:
    """Whether a logger is enabled is looked up in an unguarded cache first, and only on a miss under the module's lock.

    Who misses is a race that nothing orders, and it decides nothing: the lock taken there is not recorded.
    """
    original = logging.Logger.isEnabledFor

    def is_enabled_for(self: Any, level: int) -> bool:
        actor = actors.here()
        if actor is None:
            return bool(original(self, level))
        actor.raw += 1
        try:
            return bool(original(self, level))
        finally:
            actor.raw -= 1

    patches.method(logging.Logger, "isEnabledFor", is_enabled_for)
