"""Records of a run in one order, and what the order says of spans and of the ends of processes."""

import sys
from array import array
from collections.abc import Iterable
from typing import Final

from simcore.engine.naming_tables import Tables
from simcore.trace.events import SPAN_OPERATIONS, Kind, ObjectKind
from simcore.trace.model import Columns, Span
from simcore.trace.words import FAILED_ACCESS

Row = tuple[int, int, int, tuple[int, int, int, int, int, int, int]]
"""A record in the order of the run: stamp, what goes first at one stamp, actor, record as it lies in the segment."""

PLAIN_LOCKS: Final = frozenset({ObjectKind.LOCK, ObjectKind.WAITER, ObjectKind.PLOCK})
FIRST: Final = frozenset({Kind.RELEASE, Kind.START, Kind.PUT, Kind.END})
"""What goes first among events of one stamp."""


def by_stamp(row: tuple[int, int, int, tuple[int, ...]]) -> tuple[int, int, int]:
    return row[:3]


def without_undone_stores(rows: list[Row]) -> list[Row]:
    """Leave out the last record of an actor that was killed before it came to write what it had recorded.

    A write to shared memory is recorded just before it is done. Whether it was, the next one to read there has seen.
    """
    last = {actor: index for index, (_, _, actor, _) in enumerate(rows)}
    stores = {index: rows[index][3] for index in last.values() if rows[index][3][4] == Kind.STORE}
    undone = {index for index, (value, number, *_) in stores.items() if _read_behind(rows, index, number) not in (None, value)}
    return [row for index, row in enumerate(rows) if index not in undone] if undone else rows


def _read_behind(rows: list[Row], index: int, number: int) -> int | None:
    """What is read of an object next, if nobody writes to it before."""
    for _, _, _, (value, found, _, _, kind, _, _) in rows[index + 1 :]:
        if found == number and kind in (Kind.READ, Kind.STORE):
            return value if kind == Kind.READ and value != FAILED_ACCESS else None
    return None


def answer_early_releases(rows: list[Row], homes: dict[int, str], shared: set[int], process: dict[int, str]) -> None:
    """Put an acquisition before the release that answers it, where the two are stamped the other way round.

    A lock released by another thread than took it may be: that thread sees the lock taken before the taker comes to its stamp.
    The taker's event before it is stamped earlier still, so its program order stays. Nothing is touched unless a lock seems taken
    twice. `homes` are the processes of plain locks; of those not `shared` a forked child has a copy, which may begin taken.
    """

    def place(actor: int, lock: int) -> str:
        return "" if lock in shared else process.get(actor, "")

    held: set[tuple[int, str]] = set()
    for _, _, actor, record in rows:
        if record[1] in homes:
            lock = record[1], place(actor, record[1])
            if record[4] == Kind.RELEASE:
                held.discard(lock)
            elif record[4] == Kind.UNDO or (record[4] == Kind.ACQUIRE and record[0] > 0):
                if lock in held and record[4] == Kind.ACQUIRE:
                    break
                held.add(lock)
    else:
        return
    held.clear()
    early: dict[tuple[int, str], list[int]] = {}
    used: set[tuple[int, str]] = set()
    for index, (_, _, actor, record) in enumerate(rows):
        value, number, kind = record[0], record[1], record[4]
        if number not in homes:
            continue
        lock = number, place(actor, number)
        is_copy = lock[1] not in ("", homes[number])
        if kind == Kind.RELEASE:
            if lock in held:
                held.discard(lock)
            elif lock in used or not is_copy:
                early.setdefault(lock, []).append(index)
        elif kind == Kind.UNDO:
            if early.get(lock):
                early[lock].pop()
            else:
                held.add(lock)
        elif kind == Kind.ACQUIRE and value > 0:
            if early.get(lock):
                rows[index] = (rows[early[lock].pop(0)][0], -1, actor, record)
            else:
                held.add(lock)
        used.add(lock)
    rows.sort(key=by_stamp)


def until_exits(rows: list[Row], process: dict[int, str]) -> list[Row]:
    """Events up to the end of each process: what daemon threads still wrote behind it never took effect for anybody."""
    exits = {process.get(row[2], ""): row[0] for row in rows if row[3][4] == Kind.EXIT}
    if not exits or rows[-1][0] <= min(exits.values()):
        return rows
    return [row for row in rows if row[0] <= exits.get(process.get(row[2], ""), sys.maxsize)]


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
    positions: dict[int, list[int]] = {}
    for position, actor in enumerate(columns.actor):
        positions.setdefault(actor, []).append(position)
    result = []
    by_actor: dict[int, list[tuple[int, int, int, int, int]]] = {}
    for number, operation, object_id, site, begin, end in spans:
        if number in actor_ids:
            by_actor.setdefault(actor_ids[number], []).append((begin, end, operation, object_id, site))
    for actor, own in by_actor.items():
        own.sort()
        places = positions.get(actor, [])
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
