"""Queues between processes: `multiprocessing.Queue`, `JoinableQueue` and `SimpleQueue`.

They are Python on top of locks and a pipe, which are recorded as such. What is added here is the buffer in front of the pipe:
who puts an item into it before whom, and that it is the feeder thread of its process which takes it out. How often the feeder
takes the buffer's lock is chance, for it looks into the buffer without it, and decides nothing: that is no event.

A queue's number travels with the two ends of its pipe.
"""

from collections import deque
from operator import attrgetter
from sys import _getframe as get_frame
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from simcore.runtime import actors, gate, originals, sites
from simcore.runtime.actors import Actor, acting, here, publish, unpublish
from simcore.runtime.core import LockBase, core
from simcore.runtime.frames import hide, wait_in_c
from simcore.runtime.locks import PATIENCE_S
from simcore.runtime.patches import Patches
from simcore.runtime.sites import site_of
from simcore.runtime.spans import spanned
from simcore.trace.events import Kind, ObjectKind

_UNTAGGED: Final = 0
"""The tag of what an unknown thread has put."""


class NotEmpty(LockBase):
    """What a queue has for a condition that its buffer is not empty: one lock, and one thread that may wait for it, the feeder.

    `with` is how items are put in, and recorded; `acquire`, `release` and `wait` are the feeder's.
    """

    __slots__ = ("_waiting", "acquire", "release")

    def __init__(self, number: int) -> None:
        self.simcore_id = number
        self.puts = True
        self._at_fork_reinit()

    def _at_fork_reinit(self) -> None:
        lock = originals.allocate_lock()
        self.acquire, self.release = self._acquire, self._release = lock.acquire, lock.release
        self._waiting: list[Any] = []
        self.tag = _UNTAGGED

    def _enter(self) -> bool:
        actor = acting()
        try:
            if actor is None:
                wait_in_c(self.acquire)
                self.tag = _UNTAGGED
            else:
                self._put(actor, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise
        return True

    def _put(self, actor: Actor, site: int) -> None:
        """Take the lock, and stamp within it: whoever comes next is stamped later, also where a feeder is started first."""
        actor.puts += 1
        tag = actor.index << 32 | actor.puts
        if gate.current.following:
            gate.current.give(actor, Kind.PUT, self.simcore_id, site, tag)
            try:
                gate.current.must(actor, self.acquire(True, PATIENCE_S), "another thread is at the queue's buffer")
            finally:
                gate.current.gave(actor)
        else:
            if not self.acquire(False):
                publish(actor, Kind.PUT, self.simcore_id, site, timed=False)
                try:
                    wait_in_c(self.acquire)
                finally:
                    unpublish(actor)
            gate.current.give(actor, Kind.PUT, self.simcore_id, site, tag)
            gate.current.gave(actor)
        self.tag = tag

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    __enter__ = _enter

    def wait(self) -> None:
        """Until something has been put in. Called with the lock, as of a condition."""
        waiter = originals.allocate_lock()
        waiter.acquire()
        self._waiting.append(waiter)
        self.release()
        actor = acting()
        if actor is not None:
            publish(actor, Kind.GET, self.simcore_id, site_of(get_frame(1)), timed=False)
        waiter.acquire()
        if actor is not None:
            unpublish(actor)
        self.acquire()

    def notify(self) -> None:
        """Let the feeder go on, if it waits. Called with the lock."""
        if self._waiting:
            self._waiting.pop().release()


class FastNotEmpty(NotEmpty):
    """What `NotEmpty` does while recording, in fewer steps; they leave what is rare to it."""

    __slots__ = ()

    if not TYPE_CHECKING and core is not None:
        __enter__, __exit__ = core.LockBase.__enter__, core.LockBase.just_release


class Buffer(deque[Any]):
    """What waits to be fed into a queue's pipe, each item with the tag of the put that brought it."""

    def __init__(self, number: int, notempty: NotEmpty) -> None:
        super().__init__()
        self._number, self._notempty = number, notempty
        self._site = 0  # of the feeder, which is always at the same place of the library

    def append(self, item: Any) -> None:
        """As `deque.append`; only called by who has just put."""
        super().append((self._notempty.tag, item))

    def popleft(self) -> Any:
        """As `deque.popleft`; only called by the feeder. Raises: IndexError."""
        tag, item = super().popleft()
        actor = acting()
        if actor is not None and tag != _UNTAGGED:
            site = self._site = self._site or site_of(get_frame(1))
            want = gate.current.enter(actor, Kind.GET, self._number, site)
            try:
                gate.current.must(actor, want is None or want == tag, "another item is the first in the buffer")
            finally:
                gate.current.leave(actor, Kind.GET, self._number, site, tag)
        return item


class FastBuffer(deque[Any] if TYPE_CHECKING or core is None else core.BufferBase):  # type: ignore[misc]
    """What `Buffer` does while recording, in fewer steps."""

    def __init__(self, number: int, notempty: NotEmpty) -> None:
        super().__init__()
        self._number, self._notempty = number, notempty


def _number_of(queue: Any) -> int:
    return int(getattr(queue._reader, "simcore_queue", 0))


def _name(queue: Any, frame: Any) -> None:
    """Give a new queue its number.

    Its maker is what called the class, or the context: `self._inqueue = self._ctx.SimpleQueue()`.
    """
    while frame.f_back is not None and _is_making(queue, frame):
        frame = frame.f_back
    queue._reader.simcore_queue = queue._writer.simcore_queue = actors.create(ObjectKind.PQUEUE, frame)


def _is_making(queue: Any, frame: Any) -> bool:
    """Whether this frame is the library's way from the maker of a queue to its class."""
    if not sites.is_internal(frame.f_code):
        return False
    of_class = frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is queue
    return of_class or frame.f_globals.get("__name__") == "multiprocessing.context"


def install(patches: Patches, module: Any) -> None:
    """Put our buffer into the queues, and cover what they offer."""
    real_reset, real_init = module.Queue._reset, module.SimpleQueue.__init__
    fast = core is not None and not gate.current.following
    new_notempty, new_buffer = (FastNotEmpty, FastBuffer) if fast else (NotEmpty, Buffer)

    def _reset(self: Any, after_fork: bool = False) -> None:
        actor = here()
        if actor is None:
            real_reset(self, after_fork)
            return
        if not hasattr(self._reader, "simcore_queue"):  # else it came from another process
            _name(self, get_frame(1))
        number = _number_of(self)
        if not number:
            real_reset(self, after_fork)
            return
        actor.raw += 1
        try:
            real_reset(self, after_fork)
        finally:
            actor.raw -= 1
        self._notempty = new_notempty(number)
        self._buffer = new_buffer(number, self._notempty)

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        try:
            real_init(self, *arguments, **named)
        except BaseException as error:
            hide(error)
            raise
        _name(self, get_frame(1))

    patches.method(module.Queue, "_reset", _reset)
    patches.method(module.SimpleQueue, "__init__", __init__)
    for cls in (module.Queue, module.JoinableQueue, module.SimpleQueue):
        cls.simcore_id = property(attrgetter("_reader.simcore_queue"))
        for name in ("put", "get", "join", "task_done", "qsize", "empty", "full"):
            if name in vars(cls):
                patches.method(cls, name, spanned(vars(cls)[name], f"Queue.{name}"))
