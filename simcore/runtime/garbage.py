"""Garbage: finalisers run where the collector happens to start, so its starts are recorded and, in replay, prescribed.

While recording, garbage is looked for at the actors' own operations, every so many events, and the collector's own thresholds are
raised: a finaliser then runs between the same two operations in replay. A program that makes garbage without ever coming to an
operation still has it collected by the raised thresholds; where in its code that happens is not exact.
"""

import gc

from simcore.runtime import actors, gate, originals
from simcore.runtime.actors import Actor, acting, here
from simcore.runtime.patches import Patches
from simcore.trace.events import Kind

_RAISED = 20
"""How much later than asked for the collector starts by itself."""

_wanted = True
_thresholds = (700, 10, 10)
_busy = False
_full_not_before_ns = 0


def _started(phase: str, info: dict[str, int]) -> None:
    """Called by the collector; what the program collects itself is in its program order anyway."""
    if phase == "start":
        actor = acting()
        if actor is not None:
            actors.emit(actor, Kind.GC, 0, 0, info["generation"])


def _look(actor: Actor) -> None:
    """Collect what the collector would collect by now; called at an operation of this actor."""
    global _busy, _full_not_before_ns
    if not _wanted or _busy or actor.raw:
        return
    young, middle, old = gc.get_count()
    if young <= _thresholds[0] or not _thresholds[0]:
        return
    _busy = True
    try:
        now = originals.monotonic_ns()
        if middle > _thresholds[1] and old > _thresholds[2] and now > _full_not_before_ns:
            originals.collect(2)
            # As CPython does by the share of new objects: a large heap must not be searched all the time.
            _full_not_before_ns = originals.monotonic_ns() + 10 * (originals.monotonic_ns() - now)
        else:
            originals.collect(1 if middle > _thresholds[1] else 0)
    finally:
        _busy = False


def _collect(generation: int = 2) -> int:
    """As `gc.collect`."""
    actor = here()
    callbacks = gc.callbacks
    if actor is None or _started not in callbacks:
        return originals.collect(generation)
    callbacks.remove(_started)
    try:
        return originals.collect(generation)
    finally:
        callbacks.append(_started)


def _enable() -> None:
    """As `gc.enable`; in replay the trace says when, whatever the program asks for."""
    global _wanted
    _wanted = True
    if not gate.current.following:
        _real_enable()


def _disable() -> None:
    """As `gc.disable`."""
    global _wanted
    _wanted = False
    _real_disable()


def _is_enabled() -> bool:
    """As `gc.isenabled`."""
    return _wanted


def _set_threshold(*thresholds: int) -> None:
    """As `gc.set_threshold`."""
    global _thresholds
    _real_set_threshold(*thresholds)  # raises as the original does
    _thresholds = _real_get_threshold()
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
    else:
        _real_set_threshold(_thresholds[0] * _RAISED)
        actors.between = _look


def uninstall() -> None:
    """Leave the collector as the program wants it."""
    actors.between = None
    if _started in gc.callbacks:
        gc.callbacks.remove(_started)
    _real_set_threshold(*_thresholds)
    if gate.current.following and _wanted:
        _real_enable()
