"""Garbage: finalisers run where the collector happens to start, so its starts are recorded and, in replay, prescribed.

While recording, garbage is looked for at the actors' own operations, every so many events, and the collector's own thresholds are
raised: a finaliser then runs between the same two operations in replay. A program that makes garbage without ever coming to an
operation still has it collected by the raised thresholds; where in its code that happens is not exact.
"""

import gc
from collections import deque
from collections.abc import Callable
from functools import partial
from operator import call

from simcore.runtime import actors, gate, originals, rest
from simcore.runtime.actors import Actor, acting, here
from simcore.runtime.patches import Patches
from simcore.trace.events import AT_REST, GENERATION, Kind

_RAISED = 50
"""How much later than asked for the collector starts by itself: where no operation comes, not where others look for garbage."""

_wanted = True
_thresholds = (700, 10, 10)
_busy = originals.allocate_lock()
_full_not_before_ns = 0

_PATIENCE_S = 0.05
"""How long the other threads may take to come to rest; a thread that computes has the interpreter for 5 ms at a time."""

_TRIES = 5
"""How often that may be in vain: each time the collection is put off until there is twice as much young garbage."""

_HASTE = 20
"""Then the others are not halted, and what is collected is not exact, for so many times as long as the tries took."""

_in_vain = 0
_halt_not_before_s = 0.0


def _started(phase: str, info: dict[str, int]) -> None:
    """Called by the collector; what the program collects itself is in its program order anyway."""
    if phase == "start":
        actor = acting()
        if actor is not None:
            actors.emit(actor, Kind.GC, 0, 0, info["generation"])


def _look(actor: Actor) -> None:
    """Collect what the collector would collect by now; called at an operation of this actor."""
    global _full_not_before_ns
    if not _wanted or actor.raw:
        return
    young, middle, old = gc.get_count()
    if young <= _thresholds[0] << _in_vain or not _thresholds[0]:
        return
    if not _busy.acquire(False):
        return
    try:
        halted = _halt(actor)
        if halted is None:
            return
        at_rest, go_on = halted
        now = originals.monotonic_ns()
        if middle > _thresholds[1] and old > _thresholds[2] and now > _full_not_before_ns:
            collect_now(actor, 2 | at_rest, go_on)
            # As CPython does by the share of new objects: a large heap must not be searched all the time.
            _full_not_before_ns = originals.monotonic_ns() + 10 * (originals.monotonic_ns() - now)
        else:
            collect_now(actor, (1 if middle > _thresholds[1] else 0) | at_rest, go_on)
    finally:
        rest.end_halt()
        _busy.release()


def _halt(actor: Actor) -> tuple[int, Callable[[], object]] | None:
    """Have all others come to rest: AT_REST if they have, else 0; and what lets them go on. None if it is to be tried again."""
    global _in_vain, _halt_not_before_s
    began = originals.monotonic()
    is_handler = actor is not actors.main and actor.index not in actors.alive  # it interrupts an actor, which never comes to rest
    if began < _halt_not_before_s or is_handler or not rest.others(actor):
        return 0, int
    at_rest, go_on = rest.halt(actor, _PATIENCE_S)
    _in_vain = 0 if at_rest else (_in_vain + 1) % _TRIES
    _set_pace()
    if at_rest:
        return AT_REST, go_on
    if _in_vain:
        return None
    _halt_not_before_s = originals.monotonic() + _HASTE * _TRIES * _PATIENCE_S
    return 0, go_on


def collect_now(actor: Actor, value: int, first: Callable[[], object]) -> None:
    """Record it, call `first` and look for garbage, all in C: no thread comes in between, until the first finaliser is called."""
    steps: tuple[Callable[[], object], ...] = (
        actors.ready(actor, Kind.GC, 0, 0, value),
        first,
        partial(originals.collect, value & GENERATION),
    )
    with _NobodyCalled():
        deque(map(call, steps), 0)


class _NobodyCalled:
    """Collections are meanwhile not recorded by the collector's own call.

    No context manager of the library's: a signal that comes in one of its frames is let in, and here it has to wait.
    """

    __slots__ = ("_removed",)

    def __enter__(self) -> None:
        try:
            gc.callbacks.remove(_started)
            self._removed = True
        except ValueError:
            self._removed = False  # another thread is here too

    def __exit__(self, *_: object) -> None:
        if self._removed:
            _be_called()


def _be_called() -> None:
    if _started not in gc.callbacks:
        gc.callbacks.append(_started)


def begin_anew() -> None:
    """This is a forked child: no other thread is looking for garbage here."""
    global _busy, _in_vain
    _busy = originals.allocate_lock()
    _in_vain = 0
    if not gate.current.following:
        _set_pace()
    _be_called()


def _collect(generation: int = 2) -> int:
    """As `gc.collect`."""
    if here() is None:
        return originals.collect(generation)
    with _NobodyCalled():
        return originals.collect(generation)


def _set_pace() -> None:
    """Say when `_look` is to be called: it would find nothing to do where less is there."""
    actors.look_above(_thresholds[0] << _in_vain if _wanted and _thresholds[0] else actors.NEVER)


def _enable() -> None:
    """As `gc.enable`; in replay the trace says when, whatever the program asks for."""
    global _wanted
    _wanted = True
    _set_pace()
    if not gate.current.following:
        _real_enable()


def _disable() -> None:
    """As `gc.disable`."""
    global _wanted
    _wanted = False
    _set_pace()
    _real_disable()


def _is_enabled() -> bool:
    """As `gc.isenabled`."""
    return _wanted


def _set_threshold(*thresholds: int) -> None:
    """As `gc.set_threshold`."""
    global _thresholds
    _real_set_threshold(*thresholds)  # raises as the original does
    _thresholds = _real_get_threshold()
    _set_pace()
    _real_set_threshold(_thresholds[0] * _RAISED)


def _get_threshold() -> tuple[int, int, int]:
    """As `gc.get_threshold`."""
    return _thresholds


_real_enable, _real_disable = gc.enable, gc.disable
_real_set_threshold, _real_get_threshold = gc.set_threshold, gc.get_threshold


def install(patches: Patches) -> None:
    """Look for garbage at operations, or in replay where the trace says."""
    global _wanted, _thresholds
    _wanted = gc.isenabled()
    _thresholds = _real_get_threshold()
    gc.callbacks.append(_started)
    patches.set(gc, "collect", _collect)
    patches.set(gc, "enable", _enable)
    patches.set(gc, "disable", _disable)
    patches.set(gc, "isenabled", _is_enabled)
    patches.set(gc, "set_threshold", _set_threshold)
    patches.set(gc, "get_threshold", _get_threshold)
    if gate.current.following:
        _real_disable()
        actors.look_above(actors.NEVER)
    else:
        _set_pace()
        _real_set_threshold(_thresholds[0] * _RAISED)
        actors.between = _look


def uninstall() -> None:
    """Leave the collector as the program wants it."""
    actors.between = None
    actors.look_above(actors.NEVER)
    if _started in gc.callbacks:
        gc.callbacks.remove(_started)
    _real_set_threshold(*_thresholds)
    if gate.current.following and _wanted:
        _real_enable()
