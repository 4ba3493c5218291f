"""Locks that are held for one access at a time: they order the accesses, and do not keep a read and its write together."""

from __future__ import annotations

from itertools import compress
from typing import Final

from simcore.analysis.fasttrack import WHAT
from simcore.analysis.holding import LOCKS
from simcore.analysis.places import Places
from simcore.analysis.updates import BOTH
from simcore.trace.events import ACCESS_KINDS, LOCAL_KINDS, UNCOUNTED_KINDS, Kind
from simcore.trace.model import Trace

_HARMLESS: Final = frozenset(
    {int(kind) for kind in LOCAL_KINDS | UNCOUNTED_KINDS | ACCESS_KINDS} | {int(Kind.READ), int(Kind.STORE)}
)
"""Within a lock these say nothing to anybody else."""

_HANDED: Final = bytes(kind in (Kind.ACQUIRE, Kind.RELEASE) for kind in range(256))


def split_locks(trace: Trace, places: Places, actor_of: list[int]) -> dict[int, int]:
    """The locks under which nothing was ever done but one access to one place, each with that place's key.

    Such as a `Value` takes for each access by itself. What one access says to the next under it is a value, and nothing else.
    """
    c = trace.columns
    is_lock = [info.kind in LOCKS for info in trace.objects]
    inside: list[dict[int, int]] = [{} for _ in trace.actors]
    """Per actor the locks that it holds, with the number of accesses since."""
    guards: dict[int, int] = {}
    thick: set[int] = set()
    used = {thing for thing in set(compress(c.object, c.kind.tobytes().translate(_HANDED))) if is_lock[thing]}
    acquire, release = int(Kind.ACQUIRE), int(Kind.RELEASE)
    for who, kind, thing, site, value in zip(c.actor, c.kind, c.object, c.site, c.value, strict=True):
        mine = inside[actor_of[who]]
        if kind == acquire and is_lock[thing]:
            if len(thick) == len(used):
                return {}
            if value > 0:
                thick.update(mine)
                mine[thing] = 0
        elif kind == release and is_lock[thing]:
            accesses = mine.pop(thing, None)
            if accesses != 1:
                thick.add(thing)  # or given back by another one
        elif not mine:
            continue
        elif kind not in _HARMLESS:
            thick.update(mine)
        elif kind in WHAT and (key := places.key_of(kind, thing, site, value)) >= 0:
            # Where one step reads and writes, the lock does keep the two together.
            for lock in mine:
                mine[lock] += 2 if WHAT[kind] == BOTH else 1
                if guards.setdefault(lock, key) != key:
                    thick.add(lock)
    return {lock: key for lock, key in guards.items() if lock not in thick}
