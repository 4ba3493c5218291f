"""`queue.SimpleQueue`, the one queue that is C. The C queue is wrapped, since it survives a signal handler that uses the same
queue.

Each item travels with a tag that says which put it came from. That makes the recorded order exact without a lock around [stamp +
put], and lets replay hand to each `get` the very item that it got. `queue.Queue` and its kin are Python on top of locks and run
unmodified.
"""

import _queue
from sys import _getframe as get_frame
from types import GenericAlias
from typing import Any, Final, NoReturn

from simcore.runtime import actors, gate, originals
from simcore.runtime.actors import Actor, acting, publish, unpublish
from simcore.runtime.frames import hide, wait_in_c
from simcore.runtime.locks import is_wait
from simcore.runtime.patches import Patches
from simcore.runtime.sites import site_of
from simcore.trace.events import Kind, ObjectKind

EMPTY: Final = -1
TIMED_OUT: Final = -2
UNTAGGED: Final = 0
"""The tag of what an unknown thread has put."""


class SimpleQueue:
    """A `_queue.SimpleQueue` that says what it does."""

    __slots__ = ("__weakref__", "_items", "_raw", "simcore_id")
    _raw: Any
    _items: dict[int, Any]  # in replay: what was put, by tag
    simcore_id: int
    __class_getitem__: Any = classmethod(GenericAlias)

    def __new__(cls, *_: object, **__: object) -> "SimpleQueue":
        """Complete from here on, as the original is: a subclass may do without its base's `__init__`."""
        self = object.__new__(cls)
        self._raw = originals.SimpleQueue()
        self._items = {}
        self.simcore_id = actors.create(ObjectKind.SIMPLEQUEUE, get_frame(1))
        return self

    def __init__(self) -> None:
        """As `_queue.SimpleQueue`."""

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """As `_queue.SimpleQueue.put`: never blocks."""
        self._put(item, get_frame(1))

    def put_nowait(self, item: Any) -> None:
        """As `put`."""
        self._put(item, get_frame(1))

    def _put(self, item: Any, frame: Any) -> None:
        actor = acting()
        if actor is None or not self.simcore_id:
            self._raw.put((UNTAGGED, item))
            return
        actor.puts += 1
        tag = actor.index << 32 | actor.puts
        gate.current.give(actor, Kind.PUT, self.simcore_id, site_of(frame), tag)
        try:
            if gate.current.following:
                self._items[tag] = item
            else:
                self._raw.put((tag, item))
        finally:
            gate.current.gave(actor)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """As `_queue.SimpleQueue.get`. Raises: queue.Empty."""
        try:
            return self._get(block, timeout, get_frame(1))
        except BaseException as error:
            hide(error)
            raise

    def get_nowait(self) -> Any:
        """As `get(False)`."""
        try:
            return self._get(False, None, get_frame(1))
        except BaseException as error:
            hide(error)
            raise

    def _get(self, block: bool, timeout: float | None, frame: Any) -> Any:
        actor = acting()
        if actor is None or not self.simcore_id or (block and timeout is not None and not is_wait(timeout)):
            return self._raw.get(block, timeout)[1]  # raises where the original does
        site = site_of(frame)
        tag = gate.current.enter(actor, Kind.GET, self.simcore_id, site)
        if tag is None:
            tag, item, waited = self._take(actor, block, timeout, site)
        else:
            waited, item = 0, None
            if tag >= 0:
                gate.current.must(actor, tag in self._items, "the item that the trace has there was never put")
                item = self._items.pop(tag)
        gate.current.leave(actor, Kind.GET, self.simcore_id, site, tag, waited)
        if tag < 0:
            raise _queue.Empty
        return item

    def _take(self, actor: Actor, block: bool, timeout: float | None, site: int) -> tuple[int, Any, int]:
        try:
            return (*self._raw.get(False), 0)
        except _queue.Empty:
            if not block:
                return EMPTY, None, 0
        since = publish(actor, Kind.GET, self.simcore_id, site, timed=timeout is not None)
        try:
            tag, item = wait_in_c(self._raw.get, True, timeout)
        except _queue.Empty:
            tag, item = TIMED_OUT, None
        finally:
            unpublish(actor)
        return tag, item, (originals.monotonic_ns() - since) // 1000

    def empty(self) -> bool:
        """As `_queue.SimpleQueue.empty`."""
        return bool(self._read(Kind.EMPTY, get_frame(1)))

    def qsize(self) -> int:
        """As `_queue.SimpleQueue.qsize`."""
        return self._read(Kind.QSIZE, get_frame(1))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        name = "_queue.SimpleQueue" if type(self) is SimpleQueue else type(self).__name__
        try:
            raise TypeError(f"cannot pickle {name!r} object")
        except TypeError as error:
            hide(error)
            raise

    def _read(self, kind: Kind, frame: Any) -> int:
        ask = self._raw.empty if kind is Kind.EMPTY else self._raw.qsize
        actor = acting()
        if actor is None or not self.simcore_id:
            return int(ask())
        return gate.current.read(actor, kind, self.simcore_id, site_of(frame), lambda: int(ask()))


def install(patches: Patches) -> None:
    """Put the replacement in place, before `queue` takes the name from `_queue`."""
    SimpleQueue.__module__ = "_queue"
    patches.set(_queue, "SimpleQueue", SimpleQueue)
