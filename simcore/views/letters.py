"""Which objects of a run matter, and the letters that they go by in a timeline."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from simcore.analysis.stretches import Stretches
from simcore.trace.events import ObjectKind
from simcore.trace.model import ObjectInfo
from simcore.trace.words import RUNNERS, Words
from simcore.views.window import Window

MOST_LETTERS: Final = 12
"""More objects than these share one mark."""

NOTHING: Final = frozenset({ObjectKind.NONE, ObjectKind.PROCESS})
"""What stands for no one thing that could have a letter: any of several connections, any child process."""


def letters(stretches: Stretches, window: Window, words: Words) -> dict[int, str]:
    """A capital letter for each object that matters here; the first letter of its name where that is free."""
    found = [thing for thing in that_matter(stretches, window) if stretches.trace.objects[thing].kind not in RUNNERS]
    chosen: dict[int, str] = {}
    left = dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    for thing in found[: MOST_LETTERS if window.objects is None else len(left)]:
        wanted = (letter for letter in words.object(thing).upper() if letter in left)
        chosen[thing] = next(wanted, next(iter(left)))
        del left[chosen[thing]]
    return chosen


def that_matter(stretches: Stretches, window: Window) -> list[int]:
    """The objects that somebody waited for, and the locks that changed hands, in this time, or those that were asked for; the
    longer waited for the earlier. Locks inside of queues and the like matter only when somebody waited for them."""
    waited: dict[int, int] = {}
    actors = set(window.actors)
    for wait in stretches.waits:
        if wait.actor in actors and wait.since_ns <= window.last_ns and wait.until_ns >= window.first_ns:
            waited[wait.object] = waited.get(wait.object, 0) + wait.took_ns
    moved = {thing: hand_offs for thing in stretches.holds if (hand_offs := len(hand_off_times(stretches, thing, window)))}
    objects = stretches.trace.objects
    if window.objects is not None:
        found = list(window.objects)
    else:
        found = [thing for thing in {**waited, **moved} if thing in waited or not is_inner(objects[thing])]
        found = [thing for thing in found if objects[thing].kind not in RUNNERS | NOTHING]
    return sorted(found, key=lambda thing: (-waited.get(thing, 0), -moved.get(thing, 0), thing))


def is_inner(info: ObjectInfo) -> bool:
    """Whether the object is, most likely, a part of another one, such as the lock inside a queue: nobody gave it a name."""
    return "." in info.label or not info.label


def hand_off_times(stretches: Stretches, thing: int, window: Window) -> list[int]:
    """When, in this time, the lock was taken by another actor than the time before."""
    holds = stretches.holds.get(thing)
    if holds is None:
        return []
    actor, since = holds.actor, holds.since_ns
    numbers = range(max(bisect_right(since, window.first_ns - 1), 1), bisect_right(since, window.last_ns))
    return [since[number] for number in numbers if actor[number] != actor[number - 1]]
