"""Rest: the other threads of this process are brought to their next operation, and kept there for a moment or for good.

An actor is at rest at an operation that it has not done. What it did up to there is the same in a replay, wherever the system
interrupted it. So what depends on what all threads have done (which objects are garbage, what a process leaves undone at its end)
is looked for when they are at rest. Who waits is at rest, and stays so: what came of that is stamped behind `unpublish`, which
keeps the actor while the process is held up.
"""

import sys
from collections.abc import Callable
from typing import Any

from simcore.runtime import actors, originals
from simcore.runtime.actors import Actor
from simcore.runtime.segment import WAIT, WAIT_AT, WAIT_STAMPED

_TICK_S = 0.00005

_held: set[int] = set()
"""The actors that are kept at an operation, by index."""

starting: dict[int, Actor] = {}
"""Who waits, inside of `Thread.start`, for an actor to begin, by that actor's index."""

importing: dict[Actor, str] = {}
"""The module that an actor waits for, or is about to; when it has it, it stays where the process is held up."""

_halt: Any = originals.RLock()
"""Taken by the actor that holds up the others for a moment. Re-entrant, for a signal handler may come by there on its thread."""


def begin_anew() -> None:
    """This is a forked child: the other threads are the parent's."""
    global _halt
    _halt = originals.RLock()
    actors.hold_up(None)
    actors.alive.clear()
    starting.clear()
    importing.clear()
    _held.clear()


def others(actor: Actor) -> list[Actor]:
    """The other actors of this process that live, each behind the one that started it."""
    return [other for other in (actors.main, *list(actors.alive.values())) if other is not None and other is not actor]


def has_come(actor: Actor) -> bool:
    """Whether an actor is at rest."""
    if actor.index in _held or actor in starting.values() or (actor.following is not None and actor.following.blocked):
        return True
    _, _, _, flags, _, since = WAIT.unpack_from(actor.wait_buffer, WAIT_AT)
    return since != 0 and not flags & WAIT_STAMPED


def is_ready(name: str) -> bool:
    """Whether the execution of a module is over."""
    module = sys.modules.get(name, importing)
    return module is not importing and not getattr(getattr(module, "__spec__", None), "_initializing", False)


def _awaits_module(actor: Actor) -> bool:
    """Whether it waits, in an import that is no event, for a module. With its executor at rest it goes on waiting."""
    name = importing.get(actor)
    return name is not None and not is_ready(name)


def await_others(actor: Actor, patience_s: float) -> bool:
    """Wait until all others are at rest; False if that took too long."""
    until = originals.monotonic() + patience_s
    # Who is started comes before who waits for that: seen at rest, it keeps the other waiting, or has let it go on already.
    while busy := [other for other in reversed(others(actor)) if not has_come(other)]:
        if all(map(_awaits_module, busy)):  # and all others are at rest
            return True
        if originals.monotonic() > until:
            return False
        if actors.held_up is not None:
            for other in busy:
                other.interrupt()
        originals.sleep(_TICK_S)
    return True


def halt(actor: Actor, patience_s: float) -> tuple[bool, Callable[[], object]]:
    """Hold up all others at their next operations; whether they came there in time, and what lets them go on.

    That is to be called once, in C: no thread comes between it and what is called in C behind it. `end_halt` behind all that.
    """
    if actors.held_up is not None:  # this process ends
        return False, int
    _halt.acquire()
    actors.hold_up(_pause)
    return await_others(actor, patience_s), _halt.release


def end_halt() -> None:
    """Hold up nobody any more; let the others go on if an error came before that."""
    if actors.held_up is _pause:
        actors.hold_up(None)
    if _halt._is_owned():
        _halt.release()


def _pause(actor: Actor) -> None:
    _held.add(actor.index)
    with _halt:
        _held.discard(actor.index)  # by the next halt it is known to have gone on


def close(actor: Actor, patience_s: float) -> None:
    """Keep all others at their next operations for good: `actor` ends this process."""

    def stay(other: Actor) -> None:
        if other is not actor:
            _held.add(other.index)
            for_ever = originals.allocate_lock()
            for_ever.acquire()
            for_ever.acquire()

    actors.hold_up(stay)
    for other in others(actor):
        other.interrupt()
    await_others(actor, patience_s)
