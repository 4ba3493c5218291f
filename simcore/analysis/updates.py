"""A second look at the places that race: which reads and writes belong together, and what came between them in this run."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from simcore.analysis.fasttrack import WHAT
from simcore.analysis.places import Places
from simcore.trace.model import Trace

READ: Final = 1
BOTH: Final = 3
MOST_READS: Final = 16
"""So many lines that read before a write are remembered with it."""

_NONE: Final = -1


class Written(NamedTuple):
    """A write: who, at which position and site, and the read of the same actor before it, _NONE where there was none."""

    actor: int
    position: int
    site: int
    read: int


Cut = tuple[int, Written, int]
"""The position of a read, a write of somebody else's that came next, and the position of the write that followed the read."""


@dataclass(slots=True)
class Update:
    """Somebody read at one line and then wrote at another, or the same; or read there again. `sites` are these.

    `single` says that both were one step. `seen` has per actor the positions of the first time; `cuts` per site of a write the
    first time that somebody else wrote there in between: the read before it, that write, the write behind it.
    """

    sites: tuple[int, int]
    single: bool
    seen: dict[int, tuple[int, int]]
    cuts: dict[int, Cut] = field(default_factory=dict)

    def cut_at(self, one: int, other: int) -> Cut | None:
        """The first time that a write at one of two sites cut this update, which reads or writes at the other one."""
        found = [self.cuts[cutter] for mine, cutter in ((one, other), (other, one)) if mine in self.sites and cutter in self.cuts]
        return min(found, key=lambda cut: cut[2], default=None)


class Updates:
    """Updates of all places that are called alike, a group, and the writes there."""

    def __init__(self) -> None:
        self.at: dict[tuple[int, int], list[Update]] = {}
        """By (group, site): those that read or write there."""
        self.again: dict[tuple[int, int], list[Update]] = {}
        """The same of those that read a second time, without writing in between, where that may be relied on."""
        self.reads: dict[tuple[int, int], set[int]] = {}
        """By (group, actor): the sites where it read without writing in the same step."""
        self._known: dict[tuple[int, int, int, bool, bool], Update] = {}
        self.writes: dict[tuple[int, int, int], Written] = {}
        """By (group, site, actor): the first write there that followed a read, else the first one."""

    def add(
        self, group: int, read: int, then: int, actor: int, at: int, position: int, *, single: bool = False, again: bool = False
    ) -> Update:
        """One more of them, or the same again; `again` where the second is a read, too."""
        update = self._known.get((group, read, then, single, again))
        if update is None:
            update = self._known[group, read, then, single, again] = Update((read, then), single, {})
            table = self.again if again else self.at
            for site in {read, then}:
                table.setdefault((group, site), []).append(update)
        if actor not in update.seen:
            update.seen[actor] = (at, position)
        return update


def updates_of(trace: Trace, places: Places, actor_of: list[int], keys: Set[int]) -> Updates:
    """The updates at these places. Reads of the whole of a container belong to what is written in it next."""
    found = Updates()
    c = trace.columns
    kinds = set(WHAT)
    reads: dict[tuple[int, int], dict[int, int]] = {}
    """(actor, place) to the sites of its reads since it last wrote there, each with the last position."""
    last: dict[int, Written] = {}
    """Per place its last write."""
    whole_in, line_of, key_of = places.whole_in, places.line_of, places.key_of
    things = whole_in.union(places.thing(key) for key in keys)
    groups: dict[int, int] = {}
    relying: dict[int, bool] = {}
    """By site whether what is read there may be relied on because of what was read before."""
    for position, (who, kind, thing, site, value) in enumerate(zip(c.actor, c.kind, c.object, c.site, c.value, strict=True)):
        if thing not in things or kind not in kinds:
            continue
        key = key_of(kind, thing, site, value)
        is_whole = thing in whole_in
        if key not in keys and not is_whole:
            continue
        actor, what, site = actor_of[who], WHAT[kind], line_of[site]
        # In a container of which somebody looks at the whole, that decides what is done to its items.
        names = (key, -1 - thing) if is_whole else (key,)
        group = groups.get(thing)
        if group is None:
            group = groups[thing] = places.group(key)
        if what == READ:
            if (read_here := found.reads.get((group, actor))) is None:
                read_here = found.reads[group, actor] = set()
            read_here.add(site)
            if (relies := relying.get(site)) is None:
                relies = relying[site] = places.code.relies_on_a_check(trace.sites[site])
            for name in names:
                if (since := reads.get((actor, name))) is None:
                    since = reads[actor, name] = {}
                for read, at in since.items() if relies else ():
                    update = found.add(group, read, site, actor, at, position, again=True)
                    # Of two reads on one line nobody knows which is the check: the second may be that of the next turn of a loop.
                    cutter = _cutter(last, places, key, name, read) if read != site else None
                    if cutter is not None and cutter.actor != actor and cutter.position > at:
                        update.cuts.setdefault(cutter.site, (at, cutter, position))
                if len(since) < MOST_READS or site in since:
                    since[site] = position
            continue
        its_read = _NONE
        for name in names:
            if what == BOTH:
                found.add(group, site, site, actor, position, position, single=True)
            since = reads.get((actor, name))
            if not since:
                continue
            for read, at in since.items():
                if at > its_read:
                    its_read = at
                update = found.add(group, read, site, actor, at, position)
                cutter = _cutter(last, places, key, name, read)
                if cutter is not None and cutter.actor != actor and cutter.position > at:
                    update.cuts.setdefault(cutter.site, (at, cutter, position))
            since.clear()
        written = Written(actor, position, site, its_read)
        for name in names:
            last[name] = written
        known_write = found.writes.get((group, site, actor))
        if known_write is None or (known_write.read == _NONE and its_read != _NONE):
            found.writes[group, site, actor] = written
    return found


def _cutter(last: dict[int, Written], places: Places, key: int, name: int, read: int) -> Written | None:
    """The last write that may have undone what was read: who asked for one item is not disturbed by what became of others."""
    return last.get(key if name < 0 and not places.is_loose(key) and places.asks_for_item(read) else name)
