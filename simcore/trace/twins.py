"""Twins: for each object the state that its events lead to, and the rules that a true order keeps.

Used to validate the order of a trace and to say who holds what when a run stands still. Standard library only, for exploration
keeps twins inside the recorded program.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from simcore.trace.events import Kind, ObjectKind

REENTRANT = frozenset({ObjectKind.RLOCK, ObjectKind.PRLOCK})
_UNOWNED = frozenset({ObjectKind.PSEMAPHORE, ObjectKind.POOL})
"""Nobody owns a place in it; the parts of a pool's task go to several workers."""

_ACQUIRE, _RELEASE = int(Kind.ACQUIRE), int(Kind.RELEASE)
"""As plain numbers: `feed` is called for each event, and to look a member up takes longer than the rest of it."""


@dataclass(slots=True)
class LockTwin:
    """Who holds a lock. `taken` and `released` are the places of the owner's acquisitions and of its releases since it was free.

    `disciplined` is False once somebody else than its owner released it: then waiting for it may be waiting for anybody.
    """

    owner: int = -1
    depth: int = 0
    taken: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    disciplined: bool = True
    owner_before: int = -1


def hosts_of(names: Iterable[tuple[int, str]]) -> dict[int, int]:
    """For each signal handler (`main!SIGALRM`) the actor on whose thread it runs: what it takes, that thread holds."""
    numbers = {name: number for number, name in names}
    return {
        number: numbers[name.partition("!")[0]]
        for name, number in numbers.items()
        if name.partition("!")[0] in numbers and "!" in name
    }


class Twins:
    """The state of all objects after the events fed so far. Actors and objects are numbers of the caller's; see `hosts_of`."""

    def __init__(self, hosts: Mapping[int, int] | None = None) -> None:
        self._hosts = hosts or {}
        self.locks: dict[int, LockTwin] = {}
        self.begun: set[int] = set()
        self.ended: set[int] = set()
        self._items: set[tuple[int, int]] = set()

    def feed(self, actor: int, kind: int, object_id: int, object_kind: int, value: int, site: int) -> str | None:
        """Take one event; the rule that it breaks, or None. The state goes on as the event says."""
        if self._hosts:
            actor = self._hosts.get(actor, actor)
        if object_kind in _UNOWNED:
            return None
        if kind == _ACQUIRE:
            return self._acquire(actor, object_id, object_kind, value, site) if value > 0 else None
        if kind == _RELEASE:
            return self._release(actor, object_id, object_kind, value, site)
        if kind == Kind.UNDO:
            undone = self.locks.get(object_id)
            if undone is not None and undone.owner_before >= 0:
                undone.owner, undone.depth = undone.owner_before, 1
                undone.released.pop()
            return None
        if kind == Kind.PUT:
            self._items.add((object_id, value))
        elif kind == Kind.GET and value >= 0:
            if (object_id, value) not in self._items:
                return "an item is taken out before it was put in"
            self._items.remove((object_id, value))
        elif kind == Kind.BEGIN:
            self.begun.add(actor)
        elif kind in (Kind.END, Kind.EXIT):
            self.ended.add(actor)
        return None

    def _acquire(self, actor: int, object_id: int, object_kind: int, depth: int, site: int) -> str | None:
        lock = self.locks.get(object_id)
        if lock is None:
            lock = self.locks[object_id] = LockTwin()
        broken = None
        # A re-entrant lock knows its owner by the thread's ident, and the kernel gives that of an ended thread to the next one.
        reentered = object_kind in REENTRANT and (lock.owner == actor or lock.owner in self.ended)
        if lock.owner >= 0 and not reentered:
            broken = "a lock is taken while it is held"
            lock.depth = 0
        if lock.depth == 0:
            lock.taken, lock.released = [], []
        lock.owner = actor
        lock.depth += depth
        lock.taken.append(site)
        return broken

    def _release(self, actor: int, object_id: int, object_kind: int, depth: int, site: int) -> str | None:
        lock = self.locks.get(object_id)
        if lock is None:
            lock = self.locks[object_id] = LockTwin()
        lock.owner_before = lock.owner
        if lock.owner < 0:
            return None  # taken before the recording began, or about to raise (see UNDO)
        if lock.owner != actor:
            lock.disciplined = False
            if object_kind in REENTRANT:
                return "a re-entrant lock is released by somebody else than its owner"
        lock.depth = lock.depth - depth if object_kind in REENTRANT else 0
        lock.released.append(site)
        if lock.depth <= 0:
            lock.owner, lock.depth = -1, 0
        return None
