"""Signal handlers written in Python.

A handler runs on the main thread between two instructions of whatever that is doing. Its run is an event of the actor it
interrupts, and what it does belongs to a sub-actor of its own (`main!SIGALRM`), so the interrupted actor keeps its steps. A
handler never runs within the recorder's own frames, where an error that it raises would leave a lock taken that the program
believes free: the signal is put off until the program's frame goes on. Only where the recorder waits on the program's behalf it
is let in.

In replay a signal that really arrives is let in when the trace has it next, else it is held back; and the handler is called where
the trace has it, whether a signal arrives or not: from the operation before on the signal is tripped again and again, so that the
interpreter asks wherever a handler could run, until that is behind the recorded instruction. Where it never is, the handler is
called before the next operation.
"""

import _thread
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from sys import _getframe as get_frame
from types import FrameType
from typing import Any, Final

from simcore.runtime import actors, gate, originals, segment, sites
from simcore.runtime.actors import Actor, acting, here, tls
from simcore.runtime.frames import hide, is_ours, program_frame, wait_in_c
from simcore.runtime.order import ORDER_EVENT, PLACES, WAITED
from simcore.runtime.patches import Patches
from simcore.runtime.segment import TAG_PROCESS, WAIT, WAIT_AT
from simcore.runtime.sites import site_of
from simcore.trace.events import INTERRUPTIONS, SIGNAL_NUMBER, Kind, handled, handled_as

_handlers: dict[int, Any] = {}
_subs: dict[tuple[str, int], Actor] = {}
_again: dict[int, Any] = {}
_busy = False
"""Whether `_arrived` is at work, and not the program's handler: what arrives meanwhile is missed, and tripped again behind it."""
_missed: set[int] = set()
_over = False
"""Whether a replay has come to its end."""
_interrupted: list[Actor] = []
"""The actors whose handlers run now, outermost first."""
_questions = 0
"""How many more times the interpreter asks, in replay, whether this is the place of the signal that is expected."""
_MOST_QUESTIONS: Final = 100_000
"""Half a second of them: a program that computes for longer between two operations is not held up for more."""
_wakes = False
"""Whether the program has a descriptor written to for each signal (asyncio calls its handlers by that)."""
_CARRIER: Final = int(signal.SIGRTMAX) - 4 if hasattr(signal, "SIGRTMAX") else int(getattr(signal, "SIGIO", 0))
"""The signal that is tripped then in place of one that is put off: a number that nobody has a handler for is not minded."""
_carried: set[int] = set()
"""The signals for which it stands."""
_VALID: Final = frozenset(map(int, signal.valid_signals()))


_NAMES: Final = {int(known): known.name for known in signal.Signals}
"""Looked up, not asked for: `signal.Signals(number)` runs frames of the library in which the next signal could come in."""


def _name(number: int) -> str:
    return _NAMES.get(number) or f"SIG{number}"


def _sub_actor(actor: Actor, number: int) -> Actor:
    sub = _subs.get((actor.name, number))
    if sub is None:
        name = f"{actor.name}!{_name(number)}"
        following = actor.following
        sub = Actor(name, actors.new_index() if following is None else following.actor_index(name), actor.thread_object)
        if following is not None:
            following.attach(sub)
        sub.define("", 0)
        _subs[actor.name, number] = sub
    return sub


def _arrived(number: int, frame: FrameType | None) -> Any:
    """What the interpreter calls: the place of every Python handler. `frame` is where the main thread was."""
    global _busy
    if _over:
        return None
    if number == _CARRIER and _carried:
        number = _carried.pop()
    if _busy:
        _missed.add(number)
        return None
    actor = here()
    if actor is not None and frame is not None and (_waits_for_turn(actor) or (is_ours(frame) and not _lets_in(frame))):
        put_off = [_trip_again(one) for one in _with_carried(number)]
        return None
    _busy = True
    try:
        if actor is None:
            return run_handler(None, number, frame)
        if gate.current.following:
            if _arrived_in_replay(actor, number, frame):
                _missed.add(number)
            return None
        since = WAIT.unpack_from(actor.wait_buffer, WAIT_AT)[-1]
        waited = 0 if not since else max((originals.monotonic_ns() - since) // 1000, 1)
        value = handled_as(number, -1 if waited else _instruction(_users(frame)))
        actors.emit(actor, Kind.SIGNAL, 0, site_of(frame), value, waited)
        return run_handler(actor, number, frame)
    except BaseException as error:
        hide(error)
        raise
    finally:
        put_off = []
        while _carried:
            _missed.add(_carried.pop())
        while _missed:
            put_off.append(_trip_again(_missed.pop()))
        _busy = False


def _with_carried(number: int) -> list[int]:
    """It and all that are carried, which are no longer."""
    found = [number]
    while _carried:
        found.append(_carried.pop())
    return found


def _waits_for_turn(actor: Actor) -> bool:
    """Whether it does so in C, within the program's own frame."""
    return actor.following is not None and bool(actor.following.blocked)


def _lets_in(frame: FrameType) -> bool:
    """Whether the recorder's own frame waits for something on the program's behalf: then a signal must get through."""
    if gate.current.following:
        return False  # it waits for a turn, and does in it what the trace has
    known = frame.f_locals
    if "done" in known:
        return not known["done"]  # it has what it waited for: the program's own frame is the place now
    return ("since" in known and frame.f_code is not _PUBLISH) or frame.f_code.co_name == "write"


_PUBLISH: Final = getattr(actors.publish, "__code__", None)  # in C it is interrupted nowhere


_interrupt: Callable[..., None] = _thread.interrupt_main


def _trip_again(number: int) -> object:
    """Something that trips a signal when it goes. All in C: a line of ours would be the next place to be interrupted."""
    if _wakes:
        _carried.add(number)
        number = _CARRIER
    cls = _again.get(number)
    if cls is None:
        cls = type("_Again", (), {"__slots__": (), "__del__": staticmethod(partial(_interrupt, number))})
        _again[number] = cls
    return cls()


def _arrived_in_replay(actor: Actor, number: int, frame: FrameType | None) -> bool:
    """Let it in if the trace has it next, at this place; whether to ask again at the next one.

    One that came in a wait is called for by the operation that waited, whether or not it arrives.
    """
    global _questions
    if actor.following.held is not None:
        return True  # it has a turn: first that operation is done
    coming = _next(actor)
    while coming is not None:
        value, _, site, after, position, kind, flags = coming
        if kind == Kind.SIGNAL:
            if value & SIGNAL_NUMBER != number or flags & WAITED:
                return False
            if not _is_place(actor, site, value, frame) or not _may_come_now(actor):
                _questions -= 1
                return _questions > 0 or handled(value)[1] < 0
            _do(actor, kind, value, flags, after, position)
            return False
        if kind != Kind.GC or actor.following.blocked:
            return False
        if not _may_come_now(actor):
            return True
        _do(actor, kind, value, flags, after, position)
        coming = _next(actor)
    return False


def _may_come_now(actor: Actor) -> bool:
    """Whether what interrupts an actor next may do so here: behind the accesses that the trace left out.

    Within `threading` it must have its turn, too: to wait for that there may be to wait for whoever needs what is held there.
    """
    follow: Any = gate.current
    return bool(actor.following.is_interrupted() and (not actor.raw or follow.has_turn(actor)))


def _is_place(actor: Actor, site: int, value: int, frame: FrameType | None) -> bool:
    """Whether the program is where the trace has the signal that comes next."""
    user, instruction = _users(frame), handled(value)[1]
    if instruction >= 0 and _instruction(user) != instruction:
        return False
    return bool(actor.following.data(PLACES + site) == _place(user))


def _users(frame: FrameType | None) -> FrameType | None:
    """The frame whose line the signal's event tells; see `sites.site_of`."""
    user = frame
    while user is not None and sites.is_internal(user.f_code):
        user = user.f_back
    return user or program_frame(frame)


def _instruction(user: FrameType | None) -> int:
    return -1 if user is None else user.f_lasti // 2


def _place(user: FrameType | None) -> bytes:
    """Where the program is, in the words of the order file."""
    if user is None:
        return b"\0000\0"
    code = user.f_code
    return f"{code.co_filename.rpartition('/')[2]}\0{user.f_lineno or 0}\0{code.co_qualname}".encode("utf-8", "surrogatepass")


def expect(mine: Any) -> None:
    """In replay: trip the signal that an actor's part of the order has next, if that is one that came between two operations."""
    global _questions
    if mine.cursor >= mine.end or _wakes:
        return
    value, _, _, _, _, kind, flags = ORDER_EVENT.unpack_from(mine.events, mine.cursor)
    if kind == Kind.SIGNAL and not flags & WAITED and handled(value)[1] >= 0:
        _questions = _MOST_QUESTIONS
        put_off = [_trip_again(value & SIGNAL_NUMBER)]  # noqa: F841  it goes, and trips, when this frame does


def _next(actor: Actor) -> tuple[int, ...] | None:
    """What the trace has next for an actor; None past its end, or when an actor that a signal interrupted goes on before that."""
    coming = _peek(actor)
    if coming is None or any(
        (after := _peek(other)) is not None and after[4] < coming[4] for other in _interrupted if other is not actor
    ):
        return None
    return coming


def _peek(actor: Actor) -> tuple[int, ...] | None:
    mine = actor.following
    return ORDER_EVENT.unpack_from(mine.events, mine.cursor) if mine.cursor < mine.end else None


def is_due(actor: Actor) -> bool:
    """In replay: whether a handler that ran in a wait is what the trace has next of the program's."""
    mine = actor.following
    for at in range(mine.cursor, mine.end, ORDER_EVENT.size):
        kind, flags = ORDER_EVENT.unpack_from(mine.events, at)[5:]
        if kind != Kind.GC:
            return bool(kind == Kind.SIGNAL and flags & WAITED)
    return False


def is_before(actor: Actor, other: Actor) -> bool:
    """In replay: whether the trace has a signal or garbage next for an actor, and that before anything of another one's."""
    coming = _next(actor)
    return coming is not None and coming[5] in INTERRUPTIONS and coming[4] < _first_of(other)


def _first_of(actor: Actor) -> int:
    """The position of an actor's first event; behind all where it has none."""
    follow: Any = gate.current
    events = follow.events_of(actor.index)
    return int(ORDER_EVENT.unpack_from(events, 0)[4]) if len(events) else sys.maxsize


def run_before(actor: Actor, other: Actor) -> None:
    """Do what interrupts an actor before another one comes to its first event."""
    while is_before(actor, other) and (coming := _next(actor)) is not None:
        value, _, _, after, position, kind, flags = coming
        _do(actor, kind, value, flags, after, position)


def _do(actor: Actor, kind: int, value: int, flags: int, after: int, position: int) -> None:
    follow: Any = gate.current
    follow._due(actor, actor.following, kind, value, flags, after, position)


def run_handler(actor: Actor | None, number: int, frame: FrameType | None) -> Any:
    """Call the handler as the actor's sub-actor. Raises: what the handler raises."""
    global _busy
    handler = _handlers.get(number)
    if not callable(handler):
        return None
    busy, _busy = _busy, False
    sub = None
    if actor is not None:
        sub = tls.actor = _sub_actor(actor, number)
        _interrupted.append(actor)
        if sub.following is not None:
            expect(sub.following)
    try:
        try:
            return handler(number, program_frame(frame))
        finally:
            if sub is not None and gate.current.following and here() is sub:
                _interrupt_at_end(sub)
    finally:
        if actor is not None:
            _interrupted.pop()
        if here() is not None:
            tls.actor = actor
        _busy = busy
        if actor is not None and actor.following is not None:
            expect(actor.following)


def _interrupt_at_end(sub: Actor) -> None:
    """A signal that interrupted the handler behind its last operation."""
    coming = _next(sub)
    while coming is not None and coming[5] in (Kind.GC, Kind.SIGNAL):
        value, _, _, after, position, kind, flags = coming
        _do(sub, kind, value, flags, after, position)
        coming = _next(sub)


def _signal(signalnum: Any, handler: Any) -> Any:
    """As `signal.signal`."""
    ours = here() is not None and callable(handler) and not isinstance(handler, signal.Handlers)
    try:
        number = int(signalnum) if ours and signalnum in _VALID else -1
        before = _handlers.get(number)
        if number > 0:
            _handlers[number] = handler  # in place before the first signal can come
        try:
            old = originals.signal_signal(signalnum, _arrived if number > 0 else handler)
        except BaseException:
            if number > 0:
                _handlers[number] = before
            raise
    except BaseException as error:
        hide(error)
        raise
    if number < 0:
        return _unwrapped(signalnum, old, forget=True)
    if (actor := acting()) is not None and actor.following is not None:
        expect(actor.following)  # before the handler was there, none could be tripped
    if handler is not signal.default_int_handler:
        segment.current.define(TAG_PROCESS, "handler", _name(number))  # somebody outside can wake whoever waits
    return before if old is _arrived else _as_enum(old)


def _getsignal(signalnum: Any) -> Any:
    """As `signal.getsignal`."""
    try:
        return _unwrapped(signalnum, originals.signal_getsignal(signalnum))
    except BaseException as error:
        hide(error)
        raise


def _set_wakeup_fd(*args: Any, **kwargs: Any) -> int:
    """As `signal.set_wakeup_fd`."""
    global _wakes
    try:
        before = originals.signal_set_wakeup_fd(*args, **kwargs)
    except BaseException as error:
        hide(error)
        raise
    _wakes = bool(args) and args[0] != -1 and _is_carrier()
    return before


def _is_carrier() -> bool:
    """Whether there is one, with its handler in place: not when the program uses that signal itself."""
    if _CARRIER not in _handlers and originals.signal_getsignal(_CARRIER) is signal.SIG_DFL:
        _handlers[_CARRIER] = signal.SIG_DFL
        originals.signal_signal(_CARRIER, _arrived)
    return _handlers.get(_CARRIER) is signal.SIG_DFL


def _unwrapped(number: int, handler: Any, *, forget: bool = False) -> Any:
    if handler is _arrived:
        return _handlers.pop(int(number)) if forget else _handlers[int(number)]
    return _as_enum(handler)


def _as_enum(handler: Any) -> Any:
    return signal.Handlers(handler) if isinstance(handler, int) else handler


def _pause() -> None:
    """As `signal.pause`: in replay it ends when the trace has a handler run in it."""
    try:
        _wait_for_signal()
    except BaseException as error:
        hide(error)
        raise


def _wait_for_signal() -> None:
    actor = acting()
    if actor is None:
        return _real_pause()
    site = site_of(get_frame(2))
    if gate.current.enter(actor, Kind.PAUSE, 0, site) is None:
        since = actors.publish(actor, Kind.PAUSE, 0, site, timed=True)  # noqa: F841  its name says that a signal is let in here
        try:
            wait_in_c(_real_pause)
        finally:
            actors.unpublish(actor)
    gate.current.leave(actor, Kind.PAUSE, 0, site, 0)
    return None


_real_pause: Callable[[], None] = getattr(signal, "pause", lambda: None)


def install(patches: Patches) -> None:
    """Put the replacements in place and take over the handler that every Python starts with."""
    patches.set(signal, "signal", _signal)
    patches.set(signal, "getsignal", _getsignal)
    patches.set(signal, "pause", _pause)
    patches.set(signal, "set_wakeup_fd", _set_wakeup_fd)
    take_over()


def take_over() -> None:
    """Take over the handler that every Python starts with, which a fork server gives its children back as it was."""
    if (
        threading.current_thread() is threading.main_thread()
        and originals.signal_getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        _signal(signal.SIGINT, signal.default_int_handler)


def uninstall() -> None:
    """Give the interpreter its handlers back."""
    for number, handler in list(_handlers.items()):
        try:
            if originals.signal_getsignal(number) is _arrived:
                originals.signal_signal(number, handler)
        except (ValueError, OSError, TypeError):
            pass  # not the main thread, or too late


def disarm() -> None:
    """At the end of a replay, which skips sleeps: all signals that the program saw are behind it, others are dropped.

    A timer that is still running would kill the process once nobody handles it.
    """
    global _over
    _over = True
    for name in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF"):
        signal.setitimer(getattr(signal, name), 0)
