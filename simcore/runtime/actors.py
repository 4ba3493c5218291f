"""Who is acting, on what, from where: actors, ids of objects, call sites and texts.

An actor's names and numbers advance in its own program order only, so they agree between runs. `here()` is None for a thread that
simcore does not know (a native one, a forked child, anything after the end): it works with the raw primitives.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, count, repeat
from operator import length_hint
from struct import Struct
from sys import _getframe as get_frame
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final

from simcore.runtime import originals, segment
from simcore.runtime.core import Writer, core
from simcore.runtime.segment import (
    CHUNK,
    FIRST_RECORD,
    PHASE_AT,
    TAG_ACTOR,
    TAG_BYTES,
    TAG_SITE,
    TAG_TEXT,
    WAIT,
    WAIT_AT,
    WAIT_TIMED,
    Chunk,
)
from simcore.trace.events import FIRST_OBJECT, HEAD, RECORD, Kind, ObjectKind

tls: Any = originals.local() if core is None else core.tls
_pack_head = HEAD.pack
_pack_record = RECORD.pack_into
_pack_wait = WAIT.pack_into
_pack_phase = Struct("@I").pack_into
_now = originals.monotonic_ns

RANGE: Final = 256 * 32
"""Bytes of the slots that an actor takes at a time: 256 records."""

BLOCK: Final = 1 << 16
"""Processes number their actors, objects and sites in blocks of this size, so that a number means the same in all of them."""

_actor_numbers: Iterator[int] = count()
_object_numbers: Iterator[int] = count(FIRST_OBJECT)
_site_numbers: Iterator[int] = count(1)
_text_numbers: Iterator[int] = count(1)


def number_from(folder: str) -> None:
    """Take numbers that no other process of the run has; more are claimed when these are used up."""
    global _actor_numbers, _object_numbers, _site_numbers, _text_numbers
    block = segment.claim_block(folder)

    def next_block(_: None) -> range:
        start = segment.claim_block(folder) * BLOCK
        return range(start, start + BLOCK)

    def numbers(first: int) -> Iterator[int]:
        # Not a generator: two threads may ask at the same moment.
        more = chain.from_iterable(map(next_block, repeat(None)))
        return chain(range(block * BLOCK + first, (block + 1) * BLOCK), more)

    _actor_numbers = numbers(0)
    _object_numbers = numbers(FIRST_OBJECT)
    _site_numbers = numbers(1)
    _text_numbers = count(block << 32 | 1)


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
            self.ranges = iter([range(at, min(at + RANGE, CHUNK), 32) for at in range(FIRST_RECORD, CHUNK, RANGE)])
            slots = next(self.ranges)
        else:
            buffer = self.chunk[1]
        chunk = self.chunk = (_slots_in(buffer, slots), buffer)
        return chunk


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
    return next(_actor_numbers)


def reserve_indices(taken: int) -> None:
    """Let new actors be numbered from `taken` on: the indices below belong to the trace that is followed."""
    global _actor_numbers
    _actor_numbers = map(taken.__add__, _actor_numbers)


_NOT_AT: Final = frozenset({Kind.ACQUIRE, Kind.RELEASE, Kind.SPAN, Kind.CREATE, Kind.WRITE})
"""Where garbage is not looked for: with a lock at hand, behind a write, or at what takes no turn in replay."""

_UNORDERED: Final = frozenset({Kind.SPAN, Kind.CREATE})
"""What takes no turn in replay and is no input."""


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
    """It waits no more."""
    _pack_wait(actor.wait_buffer, WAIT_AT, 0, 0, 0, 0, 0, 0)


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
    while made is not None and (made.f_code.co_filename.startswith(_here) or _hands_on(made.f_code)):
        made = made.f_back
    inner = _own_site(made) if made is not None and is_internal(made.f_code) else 0
    return create_for(actor, kind, site_of(frame), inner)


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
    object_id: int = next(_object_numbers) if following is None else following.object_id(actor, kind, n, _object_numbers)
    emit(actor, Kind.CREATE, object_id, site, kind << 32 | n, inner)
    return object_id


# Sites --------------------------------------------------------------------------------------------------------------------------

_site_ids: dict[tuple[str, int, str], int] = {}
_by_code: dict[int, dict[int, int]] = {}
_codes: list[CodeType] = []  # keeps the code objects alive, so that an id names one of them for ever
_inside: dict[str, bool] = {}
inner_codes: set[int] = set()
"""Code that the standard library made from a text: the ids of code objects that live as long as the library."""

_library = os.path.dirname(os.__file__) + os.sep
_here = os.path.dirname(__file__) + os.sep
_packages = (os.path.join(_library, "site-packages") + os.sep, os.path.join(_library, "dist-packages") + os.sep)


def is_internal(code: CodeType) -> bool:
    """Whether a frame of this code is the standard library's or ours: users want to see the line that called it."""
    name = code.co_filename
    known = _inside.get(name)
    if known is None:
        if name == "<string>":
            return id(code) in inner_codes
        known = name.startswith((_here, "<frozen ")) or (name.startswith(_library) and not name.startswith(_packages))
        _inside[name] = known
    return known


_skipped: dict[int, CodeType] = {}
"""Code that is the standard library's or ours, by its id; kept alive by standing here."""


def site_of(frame: FrameType | None) -> int:
    """The call site: the first frame of the user's, or the library's innermost where the whole stack is the library's."""
    user = frame
    while user is not None:
        code = user.f_code
        if id(code) not in _skipped:
            try:
                return _by_code[id(code)][user.f_lasti]
            except KeyError:
                if not is_internal(code):
                    return _own_site(user)
                _skipped[id(code)] = code
        user = user.f_back
    user = frame
    while user is not None and user.f_code.co_filename.startswith(_here):
        user = user.f_back
    return 0 if user is None else _own_site(user)


def _own_site(frame: FrameType) -> int:
    """The place at which this very frame is."""
    code = frame.f_code
    known = _by_code.get(id(code))
    if known is None:
        _codes.append(code)
        if is_internal(code):
            _skipped[id(code)] = code
        known = _by_code.setdefault(id(code), {})
    site = known.get(frame.f_lasti)
    if site is None:
        site = known[frame.f_lasti] = intern_site(code.co_filename, frame.f_lineno or 0, code.co_qualname)
    return site


def intern_site(file: str, line: int, function: str) -> int:
    """The id of a place in the source; defines it when it is new."""
    key = (file, line, function)
    site = _site_ids.get(key)
    if site is None:
        site = next(_site_numbers)
        segment.current.define(TAG_SITE, site, line, file, function)
        _site_ids[key] = site
    return site


# Texts --------------------------------------------------------------------------------------------------------------------------

LONGEST_TEXT: Final = 65536
_texts: dict[str, int] = {}


def intern_text(text: str) -> int:
    """The id of a text; one longer than 64 Ki characters is kept cut, with its length and hash behind it."""
    known = _texts.get(text)
    if known is None:
        known = next(_text_numbers)
        kept = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}... {len(text)} characters, hash {hash(text):x}"
        segment.current.define(TAG_TEXT, known, kept)
        if len(_texts) > 50_000:
            _texts.clear()  # a program that never writes the same line twice must not grow for that
        _texts[text] = known
    return known


def keep_bytes(data: bytes) -> int:
    """The id under which these bytes are kept in the trace."""
    number = next(_text_numbers)
    segment.current.define_bytes(TAG_BYTES, str(number).encode() + b"\0" + data)
    return number


def caller(depth: int = 2) -> int:
    """The call site of the function that called the caller; 0 where it was called by no Python code, as by `atexit`."""
    try:
        return site_of(get_frame(depth))
    except ValueError:
        return 0


def _place_of(frame: FrameType) -> int:
    """For the core: the site at which a frame of the user's is, or that it is ours or the library's."""
    if not is_internal(frame.f_code):
        return _own_site(frame)
    return _OURS if frame.f_code.co_filename.startswith(_here) else _LIBRARYS


_OURS: Final = -1
_LIBRARYS: Final = -2

if not TYPE_CHECKING and core is not None:
    core.set_up(_place_of, _own_site)
    here, acting, emit, site_of = core.here, core.acting, core.emit, core.site_of
    publish, unpublish = core.publish, core.unpublish
