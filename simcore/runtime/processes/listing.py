"""`multiprocessing.active_children`: the list of the child processes that have not been seen to end.

Once `multiprocessing` has seen a child's end, often nothing keeps its `Process` any more. It may see that sooner in a replay than
when it was recorded, so there each process is kept until the trace has listed it for the last time.
"""

import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

from simcore.runtime import gate, sites
from simcore.runtime.actors import Actor
from simcore.runtime.order import ORDER_EVENT
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

_PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))

_started: dict[str, "weakref.ref[Any]"] = {}
"""Processes that this process started, by their actor's name."""

_kept: dict[str, Any] = {}
_left: Counter[str] | None = None
"""In replay: how often the trace still lists each name."""


def keep(actor: Actor, name: str, process: Any) -> None:
    """A process was started, whose actor has this name."""
    global _left
    _started[name] = weakref.ref(process)
    if actor.following is not None:
        if _left is None:
            _left = Counter(name for text in _lists(actor) for name in text.split("\n"))
        if _left[name]:
            _kept[name] = process


def listed(actor: Actor, site: int, ask: Callable[[], list[Any]], name_of: Callable[[Any], str]) -> list[Any]:
    """The processes that the program is told of: those of `ask()` in the order of their names; in replay, those of the trace."""
    if actor.following is None:
        found = sorted(ask(), key=name_of)
        names = "\n".join(filter(None, map(name_of, found)))
        gate.current.read(actor, Kind.ENUMERATE, _PROCESS, site, lambda: sites.intern_text(names))
        return found
    text = gate.current.read(actor, Kind.ENUMERATE, _PROCESS, site, int)
    told = [name for name in actor.following.text(text).split("\n") if name in _started]
    processes = [_started[name]() for name in told]
    for name in told:
        if _left is not None:
            _left[name] -= 1
            if not _left[name]:
                _kept.pop(name, None)
    return [process for process in processes if process is not None]


def _lists(actor: Actor) -> list[str]:
    follow: Any = gate.current
    return [
        actor.following.text(value)
        for index in range(follow.taken)
        for value, its_object, _, _, _, kind, _ in ORDER_EVENT.iter_unpack(follow.events_of(index))
        if kind == Kind.ENUMERATE and its_object == _PROCESS
    ]
