"""FastTrack: finds accesses to one place that nothing orders (Flanagan and Freund, PLDI 2009).

While a place is free of races its writes, and often its reads, come one after the other, so the last of each stands for all
before it: an access is checked against one clock, or against those of the readers since the last write. From the first race of a
place on each of its accesses is compared with the last ones of all others at each line, so that all pairs of lines are told.

Where the core in C is there it does this, see `tracking`, and finds the same: what stands here is the definition.
"""

from __future__ import annotations

from typing import Final

from simcore.analysis.happens import Happens
from simcore.analysis.places import Places
from simcore.analysis.slots import hosts
from simcore.analysis.tracked import Pair, Tracked
from simcore.analysis.tracking import track_in_core
from simcore.runtime.core import core
from simcore.trace.events import Kind
from simcore.trace.model import Trace

MOST_CHECKS: Final = 5_000_000
"""So many comparisons are made at places that have races; what is counted there after that is not."""

MOST_PAIRS: Final = 500
"""So many pairs of call sites are kept."""


class Place:
    """One variable: FastTrack's state, and per actor and line its last read and write with clock and position."""

    __slots__ = ("key", "last", "loose", "racy", "read_clock", "reader", "readers", "write_clock", "writer")

    def __init__(self, key: int, *, loose: bool) -> None:
        self.key = key
        self.loose = loose
        self.writer = self.write_clock = 0
        self.reader = self.read_clock = 0
        self.readers: dict[int, int] | None = None
        self.racy = False
        self.last: dict[tuple[int, int, int], tuple[int, int]] = {}
        """(actor, site, what) to (clock, position); `what` is 1 for a read, 2 for a write, 3 for both in one step."""


class Whole:
    """A container of which all items, or an unknown one, were accessed: the last accesses of each kind, per actor and line."""

    __slots__ = ("chain", "last", "racy")

    def __init__(self) -> None:
        self.racy = False
        self.chain: tuple[int, int] | None = (0, 0)
        """The last access (actor, clock), as long as each one knew of that before it: who knows of it knows of all."""
        self.last: dict[tuple[int, int, int, str], tuple[int, int]] = {}
        """(actor, site, what, item) to (clock, position); all single items that are known count as one, with the item ''."""


WHAT: Final = {int(Kind.LOAD): 1, int(Kind.READ): 1, int(Kind.ASSIGN): 2, int(Kind.STORE): 2, int(Kind.UPDATE): 3}


class _Pass:
    def __init__(self, trace: Trace, places: Places, without: frozenset[int]) -> None:
        self.trace = trace
        self.happens = Happens(trace, without)
        self.places = places
        self.found = Tracked(self.places, hosts(trace))
        self.left = MOST_CHECKS
        self.of_key: dict[int, Place] = {}
        self.wholes: dict[int, Whole] = {}

    def run(self) -> Tracked:
        happens, places, of_key = self.happens, self.places, self.of_key
        handlers, actor_of, marks = happens.handlers, happens.actor_of, happens.marks
        host_of = self.found.actor_of
        own, known = happens.clocks.own, happens.clocks.known
        coming = sorted(marks)
        coming.append(len(self.trace) + 1)
        coming.reverse()
        mark = coming.pop()
        what_of = [WHAT.get(kind, 0) for kind in range(256)]
        key_of, whole_in, skipped, line_of = places.key_of, places.whole_in, places.skipped, places.line_of
        accesses = 0
        c = self.trace.columns
        for position, (who, kind, thing, site, value) in enumerate(zip(c.actor, c.kind, c.object, c.site, c.value, strict=True)):
            if position == mark:
                happens.begins(position)
                mark = coming.pop()
            what = what_of[kind]
            actor = actor_of[who]
            if not what:
                handler = handlers[kind]
                if handler is not None:
                    handler(actor, thing, value)
                continue
            key = key_of(kind, thing, site, value)
            if key < 0 or (site in skipped and places.began_import(host_of[who], site) < position):
                continue
            accesses += 1
            site = line_of[site]
            place = of_key.get(key)
            if place is None:
                place = of_key[key] = Place(key, loose=places.is_loose(key))
            if thing in whole_in:
                self._compare_whole(thing, place, actor, site, what, position)
                if place.loose:
                    continue
            clock, mine = own[actor], known[actor]
            if place.racy:
                self._compare(place, actor, site, what, position)
            elif what == 1:
                race = place.write_clock > mine[place.writer] and place.writer != actor
                readers = place.readers
                if readers is not None:
                    readers[actor] = clock
                elif place.reader == actor or place.read_clock <= mine[place.reader]:
                    place.reader, place.read_clock = actor, clock
                else:
                    place.readers = {place.reader: place.read_clock, actor: clock}
                if race:
                    self._compare(place, actor, site, what, position)
            else:
                race = (place.write_clock > mine[place.writer] and place.writer != actor) or (
                    place.read_clock > mine[place.reader] and place.reader != actor
                )
                readers = place.readers
                if readers is not None:
                    race = race or any(at > mine[reader] and reader != actor for reader, at in readers.items())
                    place.readers = None
                place.writer, place.write_clock = actor, clock
                place.reader = place.read_clock = 0
                if race:
                    self._compare(place, actor, site, what, position)
            place.last[actor, site, what] = (clock, position)
        self.found.accesses = accesses
        self.found.looked_at = len(of_key)
        return self.found

    def _compare(self, place: Place, actor: int, site: int, what: int, position: int) -> None:
        """With the last accesses of all others at each line."""
        place.racy = True
        mine = self.happens.clocks.known[actor]
        self.left -= len(place.last)
        if self.left < 0:
            self.found.complete = False
            return
        for (other, its_site, its_what), (clock, at) in place.last.items():
            if other != actor and clock > mine[other] and (what | its_what) & 2:
                self._pair(place.key, site, what, position, its_site, its_what, at, unsure=False)

    def _compare_whole(self, thing: int, place: Place, actor: int, site: int, what: int, position: int) -> None:
        """Accesses to single items with those to the whole of their container."""
        whole = self.wholes.get(thing)
        if whole is None:
            whole = self.wholes[thing] = Whole()
        places = self.places
        key, single = place.key, not place.loose
        item = places.item(key)
        clocks = self.happens.clocks
        mine, own = clocks.known[actor], clocks.own[actor]
        chain = whole.chain
        if chain is not None and (chain[0] == actor or chain[1] <= mine[chain[0]]):
            whole.chain = (actor, own)
        else:
            whole.chain = None
            self.left -= len(whole.last) if whole.racy else 0
            if self.left < 0:
                self.found.complete = False
                return
            for (other, its_site, its_what, its_item), (clock, at) in whole.last.items():
                if other == actor or clock <= mine[other] or not (what | its_what) & 2 or (single and not its_item):
                    continue
                if places.touch("" if single else item, site, what, its_item, its_site, its_what):
                    whole.racy = True
                    self._pair(key, site, what, position, its_site, its_what, at, unsure="?" in (item[:1], its_item[:1]))
        whole.last[actor, site, what, "" if single else item] = (own, position)

    def _pair(
        self, key: int, site: int, what: int, position: int, its_site: int, its_what: int, at: int, *, unsure: bool
    ) -> None:
        places = self.places
        lower, higher = (site, its_site) if site <= its_site else (its_site, site)
        sites = (places.group(key), lower, higher)
        if places.is_untold(key):
            self.found.untold.setdefault(places.thing(key), sites)
            return
        pair = self.found.pairs.get(sites)
        if pair is None:
            if len(self.found.pairs) >= MOST_PAIRS:
                self.found.complete = False
                return
            pair = self.found.pairs[sites] = Pair((at, position))
        pair.times += 1
        pair.keys.add(key)
        pair.whats.add((what, its_what) if site <= its_site else (its_what, what))
        pair.unsure = pair.unsure and unsure


def track(trace: Trace, places: Places | None = None, without: frozenset[int] = frozenset()) -> Tracked:
    """All pairs of lines of a trace that raced; `without` are locks that are taken to order nothing.

    The first race of each place is always among them.
    """
    places = places or Places(trace)
    if core is not None:
        return track_in_core(core, trace, places, Happens(trace, without), WHAT, MOST_CHECKS, MOST_PAIRS)
    return _Pass(trace, places, without).run()
