"""What locks, other things that are waited for, and actors cost a run: the figures of `simcore show --stats`.

Nothing is drawn here. Times are ns. What began before the part that is looked at, or ended behind it, counts with what lies
within.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from simcore.analysis.states import Mode, Wait
from simcore.analysis.stretches import Stretches
from simcore.trace.model import Trace
from simcore.views.waits import longest, wait_facts
from simcore.views.window import Window

MOST_LISTED: Final = 10


@dataclass(slots=True)
class LockUse:
    """One lock. `takes` is how often it was got, `waits` how often of these and of the `tries` that failed somebody was blocked;
    `hand_offs` how often it was taken by another actor than the time before; `actors` who took it."""

    object: int
    takes: int = 0
    tries: int = 0
    hand_offs: int = 0
    held_ns: int = 0
    longest_hold_ns: int = 0
    waits: int = 0
    waited_ns: int = 0
    longest: Wait | None = None
    actors: set[int] = field(default_factory=set)

    @property
    def contention(self) -> float:
        """The share of all takes and failed tries that was blocked, 0 to 1."""
        return self.waits / max(self.takes + self.tries, self.waits, 1)

    @property
    def mattered(self) -> bool:
        """Whether it came between actors at all."""
        return self.waits > 0 or self.hand_offs > 0


@dataclass(slots=True)
class AwaitedUse:
    """Something without an owner that was waited for: a queue, an event, the end of a thread; `actors` are those that waited."""

    object: int
    waits: int = 0
    waited_ns: int = 0
    longest: Wait | None = None
    actors: set[int] = field(default_factory=set)


@dataclass(slots=True)
class ActorUse:
    """What became of the time of one actor. What it ran it may have shared a processor, or the GIL."""

    actor: int
    ran_ns: int = 0
    slept_ns: int = 0
    waited_ns: int = 0

    @property
    def alive_ns(self) -> int:
        """All of it."""
        return self.ran_ns + self.slept_ns + self.waited_ns


class Usage:
    """All three for a part of a run: `locks` and `awaited` by the time waited for them, `actors` by the time they waited; `waits`
    those within it, the longest first."""

    def __init__(self, stretches: Stretches, window: Window) -> None:
        self.stretches, self.window = stretches, window
        self._actors = set(window.actors)
        self.waits = sorted(filter(self._within, stretches.waits), key=lambda wait: (-wait.took_ns, wait.since_ns))
        self.locks = sorted(self._locks(), key=lambda one: (-one.waited_ns, -one.hand_offs, -one.held_ns, one.object))
        self.awaited = sorted(self._awaited(), key=lambda one: (-one.waited_ns, one.object))
        self.actors = sorted(map(self._of_actor, window.actors), key=lambda one: (-one.waited_ns, one.actor))

    def facts(self) -> dict[str, object]:
        """The same for `--json`, as docs/timeline.md says."""
        trace, window = self.stretches.trace, self.window
        return {
            "first_ns": window.first_ns,
            "last_ns": window.last_ns,
            "locks": [_lock_facts(trace, one) for one in self.locks],
            "awaited": [_awaited_facts(trace, one) for one in self.awaited],
            "actors": [
                {
                    "name": trace.actors[one.actor].name,
                    "thread": trace.actors[one.actor].thread_name,
                    "process": trace.processes[one.actor],
                    "alive_ns": one.alive_ns,
                    "ran_ns": one.ran_ns,
                    "slept_ns": one.slept_ns,
                    "waited_ns": one.waited_ns,
                }
                for one in self.actors
            ],
            "longest_waits": [wait_facts(self.stretches, wait) for wait in longest(self.stretches, self.waits, MOST_LISTED)],
        }

    def _within(self, wait: Wait) -> bool:
        window = self.window
        return (
            wait.actor in self._actors
            and wait.since_ns < window.last_ns
            and wait.until_ns > window.first_ns
            and (window.objects is None or wait.object in window.objects)
        )

    def _cut(self, since_ns: int, until_ns: int) -> int:
        return max(min(until_ns, self.window.last_ns) - max(since_ns, self.window.first_ns), 0)

    def _locks(self) -> Iterable[LockUse]:
        found: dict[int, LockUse] = {}
        first_ns, last_ns = self.window.first_ns, self.window.last_ns
        whole = len(self._actors) == len(self.stretches.trace.actors)
        for thing, holds in self.stretches.holds.items():
            if self.window.objects is not None and thing not in self.window.objects:
                continue
            use = LockUse(thing, tries=holds.tries)
            for number in holds.within(first_ns, last_ns):
                actor, since = holds.actor[number], holds.since_ns[number]
                if not whole and actor not in self._actors:
                    continue
                held = self._cut(since, holds.until_ns[number])
                use.held_ns += held
                use.longest_hold_ns = max(use.longest_hold_ns, held)
                use.actors.add(actor)
                if since >= first_ns:
                    use.takes += 1
                    use.hand_offs += number > 0 and holds.actor[number - 1] != actor
            if use.actors or use.tries:
                found[thing] = use
        for wait in self.waits:
            if wait.object in self.stretches.holds:
                one = found.setdefault(wait.object, LockUse(wait.object))
                one.waits += 1
                one.waited_ns += self._cut(wait.since_ns, wait.until_ns)
                one.longest = one.longest or wait
        return found.values()

    def _awaited(self) -> Iterable[AwaitedUse]:
        found: dict[int, AwaitedUse] = {}
        for wait in self.waits:
            if wait.object not in self.stretches.holds:
                one = found.setdefault(wait.object, AwaitedUse(wait.object))
                one.waits += 1
                one.waited_ns += self._cut(wait.since_ns, wait.until_ns)
                one.longest = one.longest or wait
                one.actors.add(wait.actor)
        return found.values()

    def _of_actor(self, actor: int) -> ActorUse:
        use = ActorUse(actor)
        stretches, spent = self.stretches, [0, 0, 0]
        modes = [state.mode for state in stretches.states]
        starts, codes = stretches.starts[actor], stretches.codes[actor]
        end = min(stretches.ends[actor], self.window.last_ns)
        first = max(bisect_left(starts, self.window.first_ns) - 1, 0)
        for number in range(first, bisect_left(starts, end)):
            until = starts[number + 1] if number + 1 < len(starts) else end
            spent[modes[codes[number]]] += self._cut(starts[number], min(until, end))
        use.ran_ns, use.slept_ns, use.waited_ns = spent[Mode.RUNS], spent[Mode.SLEEPS], spent[Mode.WAITS]
        return use


def _lock_facts(trace: Trace, one: LockUse) -> dict[str, object]:
    longest = one.longest
    return {
        **_object_facts(trace, one.object),
        "takes": one.takes,
        "failed_tries": one.tries,
        "actors": [trace.actors[actor].name for actor in sorted(one.actors)],
        "hand_offs": one.hand_offs,
        "held_ns": one.held_ns,
        "longest_hold_ns": one.longest_hold_ns,
        "waits": one.waits,
        "contention": round(one.contention, 4),
        "waited_ns": one.waited_ns,
        "longest_wait_ns": longest.took_ns if longest else 0,
    }


def _awaited_facts(trace: Trace, one: AwaitedUse) -> dict[str, object]:
    return {
        **_object_facts(trace, one.object),
        "waits": one.waits,
        "actors": [trace.actors[actor].name for actor in sorted(one.actors)],
        "waited_ns": one.waited_ns,
        "longest_wait_ns": one.longest.took_ns if one.longest else 0,
    }


def _object_facts(trace: Trace, thing: int) -> dict[str, object]:
    info = trace.objects[thing]
    return {
        "object": trace.object_names[thing],
        "label": trace.object_labels[thing],
        "kind": info.kind.name.lower(),
        "site": str(trace.sites[info.site]),
    }
