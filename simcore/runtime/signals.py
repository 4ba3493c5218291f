"""Signal handlers written in Python.

A handler runs on the main thread between two instructions of whatever that is doing. Its run is an event of the actor it interrupts,
and what it does belongs to a sub-actor of its own (`main!SIGALRM`), so the interrupted actor keeps its steps. In replay a real
signal is held back, and the handler is called where the trace has it.
"""

import os
import signal
import threading
from collections.abc import Callable
from sys import _getframe as get_frame
from types import FrameType
from typing import Any

from simcore.runtime import actors, originals
from simcore.runtime.actors import Actor, acting, here, site_of, tls
from simcore.runtime.gate import Gate
from simcore.runtime.patches import Patches
from simcore.runtime.segment import TAG_PROCESS
from simcore.trace.events import Kind

gate: Gate  # set by install
recorded_pids: dict[int, int] = {}
"""In replay: the pids that the program is told, and the real ones behind them."""

_handlers: dict[int, Any] = {}
_subs: dict[tuple[str, int], Actor] = {}


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


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
    """What the interpreter calls: the place of every Python handler."""
    handler = _handlers[number]
    actor = here()
    if actor is None:
        return handler(number, frame)
    if gate.following:
        return None  # held back: the trace says when
    actors.emit(actor, Kind.SIGNAL, 0, site_of(frame), number)
    return run_handler(actor, number, frame)


def run_handler(actor: Actor, number: int, frame: FrameType | None) -> Any:
    """Call the handler as its sub-actor. Raises: what the handler raises."""
    handler = _handlers.get(number)
    if not callable(handler):
        return None
    tls.actor = _sub_actor(actor, number)
    try:
        return handler(number, frame)
    finally:
        if here() is not None:
            tls.actor = actor


def _signal(number: int, handler: Any, /) -> Any:
    """As `signal.signal`."""
    if here() is None or not callable(handler) or isinstance(handler, signal.Handlers):
        old = originals.signal_signal(number, handler)
        return _unwrapped(number, old, forget=True)
    before = _handlers.get(number)
    old = originals.signal_signal(number, _arrived)
    _handlers[int(number)] = handler
    if handler is not signal.default_int_handler:
        actors.segment.define(TAG_PROCESS, "handler", _name(number))  # somebody outside can wake whoever waits
    return before if old is _arrived else _as_enum(old)


def _getsignal(number: int, /) -> Any:
    """As `signal.getsignal`."""
    return _unwrapped(number, originals.signal_getsignal(number))


def _unwrapped(number: int, handler: Any, *, forget: bool = False) -> Any:
    if handler is _arrived:
        return _handlers.pop(int(number)) if forget else _handlers[int(number)]
    return _as_enum(handler)


def _as_enum(handler: Any) -> Any:
    return signal.Handlers(handler) if isinstance(handler, int) else handler


def _pause() -> None:
    """As `signal.pause`: in replay it ends when the trace has a handler run in it."""
    actor = acting()
    if actor is None:
        return _real_pause()
    site = site_of(get_frame(1))
    if gate.enter(actor, Kind.PAUSE, 0, site) is None:
        actors.publish(actor, Kind.PAUSE, 0, site, timed=True)
        try:
            _real_pause()
        finally:
            actors.unpublish(actor)
    gate.leave(actor, Kind.PAUSE, 0, site, 0)
    return None


_real_pause: Callable[[], None] = getattr(signal, "pause", lambda: None)


def _kill(pid: int, number: int, /) -> None:
    """As `os.kill`: a pid that the trace told the program means the process that has its place now."""
    originals.kill(recorded_pids.get(pid, pid), number)


def install(patches: Patches) -> None:
    """Put the replacements in place and take over the handler that every Python starts with."""
    patches.set(signal, "signal", _signal)
    patches.set(signal, "getsignal", _getsignal)
    patches.set(signal, "pause", _pause)
    patches.set(os, "kill", _kill)
    if threading.current_thread() is threading.main_thread() and originals.signal_getsignal(signal.SIGINT) is signal.default_int_handler:
        _signal(signal.SIGINT, signal.default_int_handler)


def uninstall() -> None:
    """Give the interpreter its handlers back."""
    for number, handler in list(_handlers.items()):
        try:
            if originals.signal_getsignal(number) is _arrived:
                originals.signal_signal(number, handler)
        except (ValueError, OSError, TypeError):
            pass  # not the main thread, or too late
