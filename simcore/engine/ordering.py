"""What the order of a run's records says: which never took effect, and which came before they were stamped. And its spans."""

import sys
from array import array
from collections.abc import Iterable, Mapping
from itertools import compress, count
from typing import Final

from simcore.engine.naming_tables import Tables
from simcore.engine.rows import Rows
from simcore.trace.events import SPAN_OPERATIONS, Kind, ObjectKind
from simcore.trace.model import Columns, Span
from simcore.trace.words import FAILED_ACCESS

PLAIN_LOCKS: Final = frozenset({ObjectKind.LOCK, ObjectKind.WAITER, ObjectKind.PLOCK})
_Lock = int | tuple[int, str]
"""A lock, or what one process has of it."""

_ACQUIRE, _RELEASE, _UNDO = int(Kind.ACQUIRE), int(Kind.RELEASE), int(Kind.UNDO)


def leave_out_undone_stores(rows: Rows) -> None:
    """Leave out the last record of an actor that was killed before it came to write what it had recorded.

    A write to shared memory is recorded just before it is done. Whether it was, the next one to read there has seen.
    """
    last = dict(zip(rows.actors, range(len(rows)), strict=True)).values()
    stores = [index for index in last if rows.kinds[index] == Kind.STORE]
    undone = {index for index in stores if _read_behind(rows, index) not in (None, rows.values[index])}
    if undone:
        rows.keep(index not in undone for index in range(len(rows)))


def _read_behind(rows: Rows, index: int) -> int | None:
    """What is read next of the object that is written to here, if nobody writes to it before."""
    for place in range(index + 1, len(rows)):
        if rows.objects[place] == rows.objects[index] and rows.kinds[place] in (Kind.READ, Kind.STORE):
            return rows.values[place] if rows.kinds[place] == Kind.READ and rows.values[place] != FAILED_ACCESS else None
    return None


def answer_early_releases(rows: Rows, homes: Mapping[int, str], shared: set[int], process: Mapping[int, str]) -> None:
    """Put an acquisition before the release that answers it, where the two are stamped the other way round.

    A lock released by another thread than took it may be: that thread sees the lock taken before the taker comes to its stamp.
    The taker's event before it is stamped earlier still, so its program order stays. Nothing is touched unless a lock seems taken
    twice. `homes` are the processes of plain locks; of those not `shared` a forked child has a copy, which may begin taken.
    """
    told = [index for index in rows.of_kinds((_ACQUIRE, _RELEASE, _UNDO)) if rows.objects[index] in homes]
    locks: list[_Lock] = [rows.objects[index] for index in told]
    if len(set(process.values())) > 1:
        copied = set(homes) - shared
        locks = [
            (lock, process.get(rows.actors[at], "")) if lock in copied else lock for at, lock in zip(told, locks, strict=True)
        ]
    events = list(zip(told, map(rows.kinds.__getitem__, told), map(rows.values.__getitem__, told), locks, strict=True))
    held: set[_Lock] = set()
    for _, kind, value, lock in events:
        if kind == _RELEASE:
            held.discard(lock)
        elif kind == _UNDO or value > 0:
            if lock in held and kind == _ACQUIRE:
                break
            held.add(lock)
    else:
        return
    held.clear()
    early: dict[_Lock, list[int]] = {}
    used: set[_Lock] = set()
    for index, kind, value, lock in events:
        is_copy = isinstance(lock, tuple) and lock[1] != homes[lock[0]]
        if kind == _RELEASE:
            if lock in held:
                held.discard(lock)
            elif lock in used or not is_copy:
                early.setdefault(lock, []).append(index)
        elif kind == _UNDO:
            if early.get(lock):
                early[lock].pop()
            else:
                held.add(lock)
        elif value > 0:
            if early.get(lock):
                rows.put_before(index, early[lock].pop(0))
            else:
                held.add(lock)
        used.add(lock)
    rows.put_in_order()


def cut_at_exits(rows: Rows, process: Mapping[int, str]) -> None:
    """Keep the events up to the end of each process: what daemon threads still wrote behind it never took effect for anybody."""
    exits = {process.get(rows.actors[index], ""): rows.keys[index] | 3 for index in rows.of_kinds((Kind.EXIT,))}
    if not exits or rows.keys[-1] <= min(exits.values()):
        return
    until = {actor: exits.get(process.get(actor, ""), sys.maxsize) for actor in set(rows.actors)}
    rows.keep(key <= until[actor] for key, actor in zip(rows.keys, rows.actors, strict=True))


def first_seen(numbers: Iterable[int]) -> dict[int, int]:
    return {number: index for index, number in enumerate(dict.fromkeys(numbers))}


def spans_of(
    spans: list[tuple[int, int, int, int, int, int]],
    columns: Columns,
    actor_ids: dict[int, int],
    tables: Tables,
    start_ns: int,
    stamps: "array[int]",
) -> list[Span]:
    """Spans by the positions of the events that their actor had between their two stamps."""
    if not spans:
        return []
    result = []
    by_actor: dict[int, list[tuple[int, int, int, int, int]]] = {}
    for number, operation, object_id, site, begin, end in spans:
        if number in actor_ids:
            by_actor.setdefault(actor_ids[number], []).append((begin, end, operation, object_id, site))
    for actor, own in by_actor.items():
        own.sort()
        places = list(compress(count(), map(actor.__eq__, columns.actor)))
        at = 0
        for begin, end, operation, object_id, site in own:
            while at < len(places) and stamps[places[at]] + start_ns < begin:
                at += 1
            first = at
            while at < len(places) and stamps[places[at]] + start_ns <= end:
                at += 1
            if at > first:
                name = SPAN_OPERATIONS[operation]
                result.append(Span(name, actor, tables.object(object_id), tables.site(site), places[first], places[at - 1]))
    return sorted(result, key=lambda span: (span.first, span.actor))
