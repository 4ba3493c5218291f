"""Signal handlers written in Python.

A handler runs on the main thread between two instructions of whatever that is doing. Its run is an event of the actor it
interrupts, and what it does belongs to a sub-actor of its own (`main!SIGALRM`), so the interrupted actor keeps its steps. A
handler never runs within the recorder's own frames, where an error that it raises would leave a lock taken that the program
believes free: the signal is put off until the program's frame goes on. Only where the recorder waits on the program's behalf it
is let in.

In replay a signal that really arrives is let in when the trace has it next, else it is held back; and the handler is called where
the trace has it, whether a signal arrives or not; see `signal_places`.
"""

import signal
import threading
from collections.abc import Callable
from sys import _getframe as get_frame
from types import FrameType
from typing import Any, Final

from simcore.runtime import actors, gate, originals, segment, tripping
from simcore.runtime.actors import Actor, acting, here, tls
from simcore.runtime.frames import hide, is_ours, program_frame, wait_in_c
from simcore.runtime.patches import Patches
from simcore.runtime.segment import TAG_PROCESS, WAIT, WAIT_AT
from simcore.runtime.signal_places import asks_again, expect, instruction_of, interrupt_at_end, interrupted, users_frame
from simcore.runtime.sites import site_of
from simcore.runtime.tripping import CARRIER, all_carried, carried_by, trip_again
from simcore.trace.events import Kind, handled_as

_handlers: dict[int, Any] = {}
_subs: dict[tuple[str, int], Actor] = {}
_busy = False
"""Whether `_arrived` is at work, and not the program's handler: what arrives meanwhile is missed, and tripped again behind it."""
_missed: set[int] = set()
_over = False
"""Whether a replay has come to its end."""
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
    number = carried_by(number)
    if _busy:
        _missed.add(number)
        return None
    actor = here()
    if actor is not None and frame is not None and (_waits_for_turn(actor) or (is_ours(frame) and not _lets_in(frame))):
        put_off = [trip_again(one) for one in (number, *all_carried())]
        return None
    _busy = True
    try:
        if actor is None:
            return run_handler(None, number, frame)
        if gate.current.following:
            if asks_again(actor, number, frame):
                _missed.add(number)
            return None
        since = WAIT.unpack_from(actor.wait_buffer, WAIT_AT)[-1]
        waited = 0 if not since else max((originals.monotonic_ns() - since) // 1000, 1)
        value = handled_as(number, -1 if waited else instruction_of(users_frame(frame)))
        actors.emit(actor, Kind.SIGNAL, 0, site_of(frame), value, waited)
        return run_handler(actor, number, frame)
    except BaseException as error:
        hide(error)
        raise
    finally:
        put_off = [trip_again(one) for one in all_carried()]
        while _missed:
            put_off.append(trip_again(_missed.pop()))
        _busy = False


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
        interrupted.append(actor)
        if sub.following is not None:
            expect(sub.following)
    try:
        try:
            return handler(number, program_frame(frame))
        finally:
            if sub is not None and gate.current.following and here() is sub:
                interrupt_at_end(sub)
    finally:
        if actor is not None:
            interrupted.pop()
        if here() is not None:
            tls.actor = actor
        _busy = busy
        if actor is not None and actor.following is not None:
            expect(actor.following)


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
    try:
        before = originals.signal_set_wakeup_fd(*args, **kwargs)
    except BaseException as error:
        hide(error)
        raise
    tripping.wakes = bool(args) and args[0] != -1 and _has_carrier()
    return before


def _has_carrier() -> bool:
    """Whether there is one, with its handler in place: not when the program uses that signal itself."""
    if CARRIER not in _handlers and originals.signal_getsignal(CARRIER) is signal.SIG_DFL:
        _handlers[CARRIER] = signal.SIG_DFL
        originals.signal_signal(CARRIER, _arrived)
    return _handlers.get(CARRIER) is signal.SIG_DFL


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
