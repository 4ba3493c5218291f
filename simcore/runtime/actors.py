"""Who is acting, and on what: actors, what they record, ids of objects.

An actor's names and numbers advance in its own program order only, so they agree between runs. `here()` is None for a thread that
simcore does not know (a native one, a forked child, anything after the end): it works with the raw primitives.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, chain
from operator import length_hint
from struct import Struct
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final

from simcore.runtime import numbering, originals, segment
from simcore.runtime.core import Writer, core
from simcore.runtime.frames import is_ours
from simcore.runtime.segment import (
    CHUNK,
    FIRST_RECORD,
    PHASE_AT,
    TAG_ACTOR,
    WAIT,
    WAIT_AT,
    WAIT_STAMPED,
    WAIT_TIMED,
    Chunk,
)
from simcore.runtime.sites import inner_site, is_internal, site_of
from simcore.trace.events import HEAD, RECORD, Kind, ObjectKind

tls: Any = originals.local() if core is None else core.tls
_pack_head = HEAD.pack
_pack_record = RECORD.pack_into
_pack_wait = WAIT.pack_into
_pack_phase = Struct("@I").pack_into
_now = originals.monotonic_ns

RANGE: Final = 256 * 32
"""Bytes of the slots that an actor takes at a time: 256 records."""

_FIRST_RANGES: Final = (16 * 32, 32 * 32, 64 * 32, 128 * 32)
"""Of a new actor: garbage is looked for where slots are used up, and of many threads none may do 256 things."""


class Actor(Writer):
    """One thread of one process, or a signal handler that runs on it.

    `birth` is the child process that is just being started, and `processes` how many were. `chunk` is the pair (next free slot,
    buffer): read both at once. `raw` > 0 while the actor is inside internals whose locks are not recorded. `rest` are slots that
    are held back, so that garbage is looked for at the next operation. `following` is the replay's own part (see `follow.py`).
    """

    __slots__ = (
        "birth",
        "children",
        "chunks",
        "created",
        "failed",
        "name",
        "processes",
        "ranges",
        "serials",
        "thread_object",
    )

    def __init__(self, name: str, index: int, thread_object: int = 0) -> None:
        self.name = name
        self.index = index
        self.thread_object = thread_object
        self.raw = 0
        self.children = 0
        self.processes = 0
        self.birth: Any = None
        self.puts = 0
        self.serials = 0
        self.spans = 0
        self.failed = False
        self.created: dict[int, int] = {}
        self.following: Any = None
        self.chunks = 0
        self.ranges: Iterator[range] = iter(())
        self.rest: Chunk | None = None
        self.chunk: Chunk = self._next_range()
        self.wait_buffer = self.chunk[1]

    def define(self, thread_name: str, ident: int) -> None:
        """Write who this is: by its creator before it is started (ident 0), by its own thread when it begins."""
        segment.current.define(TAG_ACTOR, self.index, self.name, thread_name, ident)

    def renew(self, *, later: bool = False, pauses: bool = True) -> Chunk:
        """More free slots, for those at hand are used up. Every so many events this is where garbage is looked for.

        Or `later`: then there is a single slot, and it is looked for at the next operation. That is for one that holds a lock,
        which a finaliser may want, and for one that replay does not come to at the same place. There it does not pause either.
        """
        if pauses and held_up is not None:
            held_up(self)
        chunk = self._next_slots()
        if later and between is not None:
            self.rest = chunk
            reserve, buffer = chunk
            chunk = self.chunk = (iter((reserve(),)).__next__, buffer)
        elif between is not None:
            between(self)
            chunk = self.chunk
            if not _any_left(chunk):  # finalisers took them
                chunk = self._next_slots()
        return chunk  # not self.chunk: see `interrupt`

    def _next_slots(self) -> Chunk:
        rest, self.rest = self.rest, None
        if rest is None or not _any_left(rest):
            return self._next_range()
        self.chunk = rest
        return rest

    def look(self) -> None:
        """At an operation: look for the garbage that the one before put off, and whether this process is held up."""
        if held_up is not None:
            held_up(self)
        if self.rest is not None and between is not None:
            self.chunk, self.rest = self.rest, None
            between(self)

    def stay(self) -> None:
        """At an operation that may have a lock at hand: whether this process is held up, and no more."""
        if held_up is not None:
            held_up(self)

    def interrupt(self) -> None:
        """Called by another thread: have this actor come by `renew` or `look` at its next operation.

        Its free slots are held back for that; where some are already, the single one that is left at hand stays empty. An actor
        that has read its chunk before may still take a slot of it: nobody else hands out the same one.
        """
        chunk = self.chunk
        if _any_left(chunk):
            if self.rest is None:
                self.rest = chunk
            self.chunk = (iter(()).__next__, chunk[1])

    def put_back(self, reserve: Any, slot: int) -> None:
        """A slot that is not needed after all."""
        left = reserve.__self__
        if core is not None and type(left) is core.Slots:
            left.put_back(slot)
        elif self.chunk[0] is reserve:  # else it stays empty
            self.chunk = (chain((slot,), left).__next__, self.chunk[1])

    def _next_range(self) -> Chunk:
        slots = next(self.ranges, None)
        if slots is None:
            number = self.chunks
            self.chunks = number + 1
            buffer = segment.current.chunk(self.index, number)
            self.ranges = iter(_FIRST_CHUNK if number == 0 else _CHUNK)
            slots = next(self.ranges)
        else:
            buffer = self.chunk[1]
        chunk = self.chunk = (_slots_in(buffer, slots), buffer)
        return chunk


def _in_ranges(first: int, sizes: Sequence[int]) -> list[range]:
    """The places of a chunk from `first` on, in ranges of these sizes and then of RANGE bytes."""
    starts = [*accumulate(sizes, initial=first)]
    starts += range(starts.pop(), CHUNK, RANGE)
    return [range(start, end, 32) for start, end in zip(starts, [*starts[1:], CHUNK], strict=True)]


_CHUNK: Final = _in_ranges(FIRST_RECORD, ())
_FIRST_CHUNK: Final = _in_ranges(FIRST_RECORD, _FIRST_RANGES)


def _slots_in(buffer: Any, places: range) -> Callable[[], int]:
    """What hands out the slots at these places."""
    return iter(places).__next__ if core is None else core.Slots(buffer, places.start, places.stop).take


def _any_left(chunk: Chunk) -> bool:
    reserve: Any = chunk[0]
    return length_hint(reserve.__self__) > 0


between: Callable[[Actor], None] | None = None
"""Called with the actor at its own operation, every RANGE bytes of records; set by `garbage` while recording."""

held_up: Callable[[Actor], None] | None = None
"""Called with the actor at its own operation while the process is held up; set by `hold_up`."""

NEVER: Final = 1 << 62
_looked_above = 0


def hold_up(how: Callable[[Actor], None] | None) -> None:
    """Set `held_up`."""
    global held_up
    held_up = how
    _tell_core()


def look_above(count: int) -> None:
    """How much young garbage there has to be for a call of `between`. Without the core it is called anyway."""
    global _looked_above
    _looked_above = count
    _tell_core()


def _tell_core() -> None:
    if core is not None:
        core.pace(held_up is not None, _looked_above)


begun: Callable[[Actor, str], None] | None = None
"""Called in a thread that is an actor from now on, with what the program calls it; set by `forced` while an order is forced."""

main: Actor | None = None
"""The main actor of this process."""

alive: dict[int, Actor] = {}
"""The actors whose thread has been started and has not ended, without the main one, by index."""


def here() -> Actor | None:
    """The actor on whose behalf this thread runs now, or None."""
    try:
        actor: Actor = tls.actor
    except AttributeError:
        return None
    return actor


def acting() -> Actor | None:
    """The actor of this thread if what it does is to be recorded; None inside internals and on unknown threads."""
    try:
        actor: Actor = tls.actor
    except AttributeError:
        return None
    return None if actor.raw else actor


def new_index() -> int:
    """An index for an actor that no trace knows."""
    return next(numbering.actor_numbers)


_NOT_AT: Final = frozenset({Kind.ACQUIRE, Kind.RELEASE, Kind.SPAN, Kind.CREATE, Kind.WRITE, Kind.GC})
"""Where garbage is not looked for: with a lock at hand, behind a write, in a collection, or at what takes no turn in replay."""

_UNORDERED: Final = frozenset({Kind.SPAN, Kind.CREATE, Kind.GC})
"""Where nobody is held up: at what takes no turn in replay and is no input, and in a collection, for it keeps others from one."""


def emit(actor: Actor, kind: int, object_id: int, site: int, value: int, waited_us: int = 0) -> None:
    """Commit one record, stamped now. The slot is reserved first, so what a finaliser emits meanwhile goes behind it."""
    reserve, buffer = actor.chunk
    try:
        slot = reserve()
    except StopIteration:
        reserve, buffer = actor.renew(later=kind in _NOT_AT, pauses=kind not in _UNORDERED)
        slot = reserve()
    _pack_record(buffer, slot, _pack_head(value, object_id, site, waited_us, kind, 0), _now())


def ready(actor: Actor, kind: int, object_id: int, site: int, value: int) -> Callable[[], object]:
    """One record whose slot is reserved: the first call commits it, stamped then, all in C: no thread comes in between."""
    reserve, buffer = actor.chunk
    try:
        slot = reserve()
    except StopIteration:
        reserve, buffer = actor.renew()
        slot = reserve()
    commit = map(_pack_record, (buffer,), (slot,), (_pack_head(value, object_id, site, 0, kind, 0),), iter(_now, None))
    return partial(next, commit, None)


def publish(actor: Actor, kind: int, object_id: int, site: int, *, timed: bool, flags: int = 0) -> int:
    """Say what this actor waits for, where the controller can see it; returns since when, in ns."""
    since = _now()
    _pack_wait(actor.wait_buffer, WAIT_AT, object_id, site, kind, flags | (WAIT_TIMED if timed else 0), 0, since)
    return since


def unpublish(actor: Actor) -> None:
    """It waits no more; what came of that is stamped next. While the process is held up the actor stays here, before that."""
    flags: int = WAIT.unpack_from(actor.wait_buffer, WAIT_AT)[3]
    _pack_wait(actor.wait_buffer, WAIT_AT, 0, 0, 0, 0, 0, 0)
    if not flags & WAIT_STAMPED:
        actor.stay()


def set_phase(actor: Actor, phase: int) -> None:
    """Say how far the process is: see PHASE_* in `segment`."""
    _pack_phase(actor.wait_buffer, PHASE_AT, phase)


# Objects ------------------------------------------------------------------------------------------------------------------------


def create(kind: ObjectKind, frame: FrameType) -> int:
    """A new object of this actor, with its creation site; 0 on unknown threads and inside internals.

    `frame` is the caller's. The record takes no turn: creating is private until somebody else gets to see the object.
    """
    actor = acting()
    if actor is None:
        return 0
    made: FrameType | None = frame
    while made is not None and (is_ours(made) or _hands_on(made.f_code)):
        made = made.f_back
    return create_for(actor, kind, site_of(frame), 0 if made is None else inner_site(made))


_HANDING_ON: Final = frozenset({"RLock", "BoundedSemaphore.__init__"})


def _hands_on(code: CodeType) -> bool:
    """Whether this is `threading`'s way to make one object and no more: what it makes is no part of something else."""
    return code.co_qualname in _HANDING_ON and is_internal(code)


def create_for(actor: Actor, kind: ObjectKind, site: int, inner: int = 0) -> int:
    """A new object of `actor`; in replay it gets the id that the trace knows it by.

    `inner` is the place in the library that made it on behalf of the user's line `site`: `self.mutex = threading.Lock()`.
    """
    n = actor.created.get(kind, 0) + 1
    actor.created[kind] = n
    following = actor.following
    numbers = numbering.object_numbers
    object_id: int = next(numbers) if following is None else following.object_id(actor, kind, n, numbers)
    emit(actor, Kind.CREATE, object_id, site, kind << 32 | n, inner)
    return object_id


if not TYPE_CHECKING and core is not None:
    here, acting, emit = core.here, core.acting, core.emit
    publish, unpublish = core.publish, core.unpublish
