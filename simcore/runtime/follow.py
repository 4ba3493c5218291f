"""Policy `follow`: each actor does its next event only at its turn, the turn at which the recorded one completed.

Turns are a total order, for per-object order alone is unsound where unsynchronised flags are about. A turn is handed over by
releasing the next actor's baton, a raw lock that is held while it is not that actor's turn; nothing is handed over while the next
turn is the same actor's. Between its turns an actor runs freely. What happened in a turn is recorded again: the two traces are
compared.
"""

import mmap
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simcore.runtime import actors, numbering, originals, rest, segment
from simcore.runtime.actors import Actor, emit, publish
from simcore.runtime.core import core
from simcore.runtime.following import Following
from simcore.runtime.order import AWAIT, BEFORE_SIGNAL, FAR_AWAIT, FAR_POST, LOCAL, NOWHERE, ORDER_EVENT, POST, STATUS, Order
from simcore.runtime.room import fits
from simcore.runtime.segment import TAG_DIVERGENCE, TAG_NOTE, WAIT_PARKED
from simcore.runtime.sites import caller, intern_text, keep_bytes
from simcore.trace.events import AT_REST, FIXED_OBJECTS, INTERRUPTIONS, SIGNAL_NUMBER, Kind, ObjectKind

_event_at = ORDER_EVENT.unpack_from
_set_status = STATUS.pack_into

_NOBODYS = frozenset({Kind.GC, Kind.SIGNAL, Kind.IMPORT, Kind.IMPORTED})
"""Events that come before a write without being one: due, or not done this time."""

_CHECKED = frozenset({Kind.START, Kind.PUT})
"""Gives whose value the program's own order decides: another value is another run."""

_STDOUT = FIXED_OBJECTS.index((ObjectKind.STREAM, "stdout"))

_TILL_REST_S = 0.5
"""How long the others may take to come to rest. A machine slower than that is not waited for: the replay may part there."""

EXIT_DIVERGED = 86
"""What the process exits with after it has written down where it diverged; the controller reads that, not the code."""


class Follow:
    """The gate of a replay."""

    following = True

    def __init__(self, path: str, folder: str) -> None:
        order = Order(path)
        self._stop = order.stop
        self.pids = order.pids
        self.objects = order.objects
        self.inputs = order.inputs
        self.first_fresh = len(order.objects)
        self.names = order.actors
        self.taken = len(order.actors)
        self._indices = {name: index for index, name in enumerate(order.actors)}
        self._events = order.events
        self.batons: list[Any] = []
        self._semaphores = order.semaphores
        self.between_processes = bool(order.semaphores)
        if order.semaphores:
            import _multiprocessing  # type: ignore[import-not-found]  # noqa: F401  before a fork can find it half imported
        self.far: dict[int, Any] = {}
        self.imports = self._imported()
        with open(f"{folder}/status", "r+b") as status:
            self.status = mmap.mmap(status.fileno(), 0)
        self._folder = folder

    def begin_process(self, index: int) -> None:
        """Make batons for the threads of this process; those of other processes have a named semaphore."""
        numbering.reserve_indices(self.taken)
        self.batons = [originals.allocate_lock() for _ in self._events]
        for baton in self.batons:
            baton.acquire()
        _let_stacks_be_written(self._folder)

    def ends_itself(self, index: int) -> bool:
        """Whether the trace has this process come to its own end."""
        events = self.events_of(index)
        if not events:
            return False
        kind: int = _event_at(events, len(events) - ORDER_EVENT.size)[5]
        return kind == Kind.EXIT

    def events_of(self, index: int) -> "memoryview | bytes":
        """The trace's events of an actor, as they lie in the order file; none for one that it does not know."""
        return self._events[index] if index < self.taken else b""

    def _semaphore(self, index: int) -> Any:
        """The baton of an actor between processes. The controller made it, and unlinks it."""
        known = self.far.get(index)
        if known is None:
            import _multiprocessing

            made: Any = _multiprocessing.SemLock
            known = getattr(made, "_of_raw", made)._rebuild(0, 1, 1 << 20, f"{self._semaphores}-{index}")
            self.far[index] = known
        return known

    def _imported(self) -> frozenset[str]:
        """The modules that the trace has executed by a thread."""
        names = set()
        for events in self._events:
            for at in range(0, len(events), ORDER_EVENT.size):
                value, _, _, _, _, kind, _ = _event_at(events, at)
                if kind == Kind.IMPORT:
                    names.add(self.inputs[value])
        return frozenset(name.decode().partition(", ")[0] for name in names)

    # Actors ---------------------------------------------------------------------------------------------------------------------

    def actor_index(self, name: str) -> int:
        """The trace's index of an actor, or a fresh one."""
        known = self._indices.get(name)
        return actors.new_index() if known is None else known

    def attach(self, actor: Actor) -> None:
        """Give an actor its part of the order; one that the trace does not know has none."""
        if actor.index < self.taken:
            actor.following = Following(self, actor.index, self._events[actor.index], self.batons[actor.index])
        else:
            baton = originals.allocate_lock()
            baton.acquire()
            actor.following = Following(self, actor.index, memoryview(b""), baton)

    # The gate -------------------------------------------------------------------------------------------------------------------

    def _enter(self, actor: Actor, kind: Kind, object_id: int, site: int) -> int:
        """Wait for this operation's turn. Never returns when the trace has no such operation here."""
        mine = actor.following
        while True:
            if mine.cursor >= mine.end:
                self._park(actor, kind, object_id, site)
            value, its_object, _, after, position, its_kind, flags = _event_at(mine.events, mine.cursor)
            if its_kind == kind and its_object == object_id:
                break
            if not self._due(actor, mine, its_kind, value, flags, after, position):
                self._wait(mine, flags)
                self._diverge(actor, position, kind, object_id, site, "")
        self._wait(mine, flags)
        if position == self._stop:
            actor.raw += 1  # what it imports is none of the program's
            from simcore.runtime.debugger import open_debugger

            actor.raw -= 1
            self._stop = NOWHERE
            _set_status(self.status, 0, 0, 1)
            open_debugger(actor)  # nobody else gets a turn meanwhile
        mine.cursor += ORDER_EVENT.size
        mine.held = (flags, after, position)
        result: int = value
        return result

    def _wait(self, mine: Following, flags: int) -> None:
        if flags & AWAIT and not mine.told:
            mine.blocked = True
            try:
                (self._semaphore(mine.index) if flags & FAR_AWAIT else mine.baton).acquire()
            finally:
                mine.blocked = False
        mine.told = False

    def _leave(self, actor: Actor, kind: Kind, object_id: int, site: int, value: int, waited_us: int = 0) -> None:
        """Record the event at its turn and pass the turn on."""
        emit(actor, kind, object_id, site, value, waited_us)
        self.gave(actor)

    def _give(self, actor: Actor, kind: Kind, object_id: int, site: int, value: int) -> int:
        """Wait for the turn and record; the effect comes before the turn is passed on."""
        want = self.enter(actor, kind, object_id, site)
        if want != value and kind in _CHECKED:
            self._differs(actor, kind, object_id, site, value, want)
        emit(actor, kind, object_id, site, value)
        return want

    def _differs(self, actor: Actor, kind: Kind, object_id: int, site: int, value: int, want: int) -> None:
        self._diverge(actor, actor.following.held[2], kind, object_id, site, f"value {value} instead of {want}")

    def _gave(self, actor: Actor) -> None:
        """Pass the turn on, once."""
        mine = actor.following
        held = mine.held
        if held is None:
            return
        mine.held = None
        flags, after, position = held
        if not flags & LOCAL:
            _set_status(self.status, 0, position + 1, 0)
            if flags & POST:
                self.post(flags, after)
            if flags & BEFORE_SIGNAL:
                self.expect_signal(mine)

    if TYPE_CHECKING or core is None:
        enter, leave, give, gave = _enter, _leave, _give, _gave
    else:
        enter, leave, give, gave = core.enter_turn, core.leave_turn, core.give_turn, core.pass_on

    def post(self, flags: int, after: int) -> None:
        """Tell an actor that it is its turn."""
        (self._semaphore(after) if flags & FAR_POST else self.batons[after]).release()

    def expect_signal(self, mine: Following) -> None:
        """Have the interpreter ask at each place from here on whether it is that of the signal which the trace has next."""
        from simcore.runtime.signal_places import expect

        expect(mine)

    def read(self, actor: Actor, kind: Kind, object_id: int, site: int, ask: Callable[[], int]) -> int:
        """What the trace has; nothing is asked."""
        value = self.enter(actor, kind, object_id, site)
        ours = intern_text(actor.following.text(value)) if kind is Kind.ENUMERATE else value
        self.leave(actor, kind, object_id, site, ours)
        return value

    def local(self, actor: Actor, kind: Kind, object_id: int, ask: Callable[[], int]) -> int:
        """What the trace has; past the actor's last event the real thing, for nothing can depend on it any more."""
        mine = actor.following
        while mine.cursor < mine.end:
            value, its_object, _, after, position, its_kind, flags = _event_at(mine.events, mine.cursor)
            if its_kind == kind and its_object == object_id:
                if not flags & LOCAL:
                    self._wait(mine, flags)
                    mine.held = (flags, after, position)
                mine.cursor += ORDER_EVENT.size
                result: int = ask() if kind is Kind.INPUT else value  # what another program wrote is looked at again
                emit(actor, kind, object_id, 0, keep_bytes(self.inputs[value]) if kind is Kind.ENTROPY else result)
                if not flags & LOCAL:
                    self.gave(actor)
                elif flags & BEFORE_SIGNAL:
                    self.expect_signal(mine)
                return result
            if not self._due(actor, mine, its_kind, value, flags, after, position):
                self._wait(mine, flags)
                self._diverge(actor, position, kind, object_id, caller(4), "")
        return ask()

    def write(self, actor: Actor, stream: int, text: str, put: Callable[[str], int]) -> int:
        """Write at the turn of the recorded write; a write that the trace does not have here goes out at once.

        A child process whose output is a pipe that is nearly full passes the turn on first: who empties it may need turns to.
        """
        mine = actor.following
        site = caller(3)
        while mine.cursor < mine.end:
            value, its_object, _, after, position, its_kind, flags = _event_at(mine.events, mine.cursor)
            if its_kind == Kind.WRITE:
                if its_object != stream:
                    break
                self.enter(actor, Kind.WRITE, stream, site)
                if "." in actor.name and not fits(stream - _STDOUT + 1, 4 * len(text)):
                    self.leave(actor, Kind.WRITE, stream, site, intern_text(text))
                    return put(text)
                try:
                    return put(text)
                finally:
                    self.leave(actor, Kind.WRITE, stream, site, intern_text(text))
            if its_kind not in _NOBODYS:
                break
            self._due(actor, mine, its_kind, value, flags, after, position)
        else:
            self._park(actor, Kind.WRITE, stream, site)
        note_write("added")
        written = put(text)
        emit(actor, Kind.WRITE, stream, site, intern_text(text))
        return written

    def next_import(self, actor: Actor) -> str:
        """What the trace has this actor import next, before it does anything else; '' when that is nothing."""
        mine = actor.following
        for at in range(mine.cursor, mine.end, ORDER_EVENT.size):
            value, _, _, _, _, kind, _ = _event_at(mine.events, at)
            if kind == Kind.IMPORT:
                return self.inputs[value].decode()
            if kind not in (Kind.GC, Kind.SIGNAL, Kind.IMPORTED):
                break
        return ""

    def has_turn(self, actor: Actor) -> bool:
        """Whether it is this actor's turn, between its operations."""
        mine = actor.following
        for at in range(mine.cursor, mine.end, ORDER_EVENT.size):
            flags = _event_at(mine.events, at)[6]
            if flags & LOCAL:
                continue
            if flags & AWAIT and not mine.told:
                mine.told = (self._semaphore(mine.index) if flags & FAR_AWAIT else mine.baton).acquire(False)
                return bool(mine.told)
            return True
        return False

    def await_turn(self, actor: Actor) -> None:
        """Wait for this actor's turn, and leave it to its next operation."""
        mine = actor.following
        if mine.cursor < mine.end and not mine.told:
            flags = _event_at(mine.events, mine.cursor)[6]
            self._wait(mine, flags)
            mine.told = bool(flags & AWAIT)

    def skip_import(self, actor: Actor) -> None:
        """An import that the trace has next does not come about this time."""
        mine = actor.following
        while mine.cursor < mine.end:
            value, _, _, after, position, kind, flags = _event_at(mine.events, mine.cursor)
            self._due(actor, mine, kind, value, flags, after, position)
            if kind == Kind.IMPORT:
                return

    def settle(self, actor: Actor) -> None:
        """All that the others did in the recording is done: wait a moment until each is at an operation of after the end."""
        rest.await_others(actor, _TILL_REST_S)

    def must(self, actor: Actor, done: bool, reason: str) -> None:
        """A turn whose operation turned out impossible."""
        if not done:
            mine = actor.following
            self._diverge(actor, mine.held[2], Kind.UNDO, 0, caller(), reason)

    # What is due before the operation at hand -----------------------------------------------------------------------------------

    def interrupt(self, actor: Actor, mine: Following) -> bool:
        """Do what the trace has next, if an access would be interrupted by that; False if an operation comes first."""
        while mine.cursor < mine.end:
            value, _, _, after, position, kind, flags = _event_at(mine.events, mine.cursor)
            if not self._due(actor, mine, kind, value, flags, after, position):
                return False
            if kind in INTERRUPTIONS:
                return True
        return False

    def _due(self, actor: Actor, mine: Following, kind: int, value: int, flags: int, after: int, position: int) -> bool:
        """Do what the trace has before the operation at hand, if that is none of the program's doing; False if it is."""
        if kind == Kind.GC:
            from simcore.runtime.garbage import collect_now

            tell: Callable[[], object] = int
            if not flags & LOCAL:
                self._wait(mine, flags)
                if value & AT_REST:
                    rest.await_others(actor, _TILL_REST_S)
                _set_status(self.status, 0, position + 1, 0)
                if flags & POST:
                    tell = (self._semaphore(after) if flags & FAR_POST else self.batons[after]).release
            mine.interrupt(value)
            collect_now(actor, value, tell)
            return True
        if kind in (Kind.WRITE, Kind.IMPORT, Kind.IMPORTED):  # the program did it when it was recorded and does not now
            self._wait(mine, flags)
            mine.cursor += ORDER_EVENT.size
            if kind == Kind.WRITE:
                note_write("removed")
            mine.held = (flags, after, position)
            self.gave(actor)
            return True
        if kind == Kind.SIGNAL:
            from simcore.runtime.signals import run_handler

            self._wait(mine, flags)
            mine.interrupt(value)
            mine.held = (flags, after, position)
            emit(actor, kind, 0, 0, value)
            self.gave(actor)
            run_handler(actor, value & SIGNAL_NUMBER, sys._getframe(2))
            return True
        return False

    # The ends -------------------------------------------------------------------------------------------------------------------

    def _park(self, actor: Actor, kind: int, object_id: int, site: int) -> None:
        """An operation beyond this actor's part of the trace: in the recording it never completed. Stay here."""
        publish(actor, kind, object_id, site, timed=False, flags=WAIT_PARKED)
        for_ever = originals.allocate_lock()
        for_ever.acquire()
        for_ever.acquire()

    def _diverge(self, actor: Actor, position: int, kind: int, object_id: int, site: int, reason: str) -> None:
        """Write down what differs and end the process at once: nothing after it is the recorded run."""
        segment.current.define(TAG_DIVERGENCE, actor.index, actor.name, position, int(kind), object_id, site, reason)
        os.close(os.open(f"{self._folder}/diverged", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        originals.exit_now(EXIT_DIVERGED)


def _let_stacks_be_written(folder: str) -> None:
    """Let the controller have all stacks written by a signal: faulthandler works in C, also while Python waits."""
    import faulthandler
    import signal

    file = os.open(f"{folder}/stacks-{originals.getpid()}", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    faulthandler.register(signal.SIGRTMAX - 3, file=file, all_threads=True, chain=False)


def note_write(how: str) -> None:
    """Count a write that the run did more or less than the trace has: `added` or `removed`."""
    segment.current.define(TAG_NOTE, f"write {how}", "")
