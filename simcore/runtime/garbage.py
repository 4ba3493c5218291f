"""Garbage: finalisers run where the collector happens to start, so its starts are recorded and, in replay, prescribed."""

import gc

from simcore.runtime import actors, originals
from simcore.runtime.actors import acting, here
from simcore.runtime.gate import Gate
from simcore.runtime.patches import Patches
from simcore.trace.events import Kind

gate: Gate  # set by install
_wanted = True


def _started(phase: str, info: dict[str, int]) -> None:
    """Called by the collector; what the program collects itself is in its program order anyway."""
    if phase == "start":
        actor = acting()
        if actor is not None:
            actors.emit(actor, Kind.GC, 0, 0, info["generation"])


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


def _disable() -> None:
    """As `gc.disable`."""
    global _wanted
    _wanted = False


def _is_enabled() -> bool:
    """As `gc.isenabled`."""
    return _wanted


def install(patches: Patches) -> None:
    """Record the collector's starts, or in replay stop it from starting by itself."""
    global _wanted
    _wanted = gc.isenabled()
    gc.callbacks.append(_started)
    patches.set(gc, "collect", _collect)
    if gate.following:
        gc.disable()
        patches.set(gc, "enable", _enable)
        patches.set(gc, "disable", _disable)
        patches.set(gc, "isenabled", _is_enabled)


def uninstall() -> None:
    """Leave the collector as the program wants it."""
    if _started in gc.callbacks:
        gc.callbacks.remove(_started)
    if gate.following and _wanted:
        gc.enable()


