"""`races(trace)`: accesses that nothing orders, what each pair is known as, and whether this interpreter lets it do harm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from simcore.analysis.atomic import ATOMIC, DECIDING, UNKNOWN, WHOLE
from simcore.analysis.code import Between, Bond
from simcore.analysis.evidence import Evidence, Use
from simcore.analysis.fasttrack import track
from simcore.analysis.fixes import fix_of, with_examples
from simcore.analysis.gil import possible_under
from simcore.analysis.holding import held_at
from simcore.analysis.kinds import KINDS, is_init, read_write
from simcore.analysis.places import Places
from simcore.analysis.race_result import HeldLock, Mistake, Moment, Possible, Race, Races, Side
from simcore.analysis.result import Answer, LockInfo
from simcore.analysis.split import split_locks
from simcore.analysis.tracked import Pair, PairKey, Tracked
from simcore.analysis.updates import Cut, Update, Updates, updates_of
from simcore.api import BugKindMark
from simcore.trace.events import ObjectKind
from simcore.trace.model import Trace
from simcore.trace.text import clean, shorten
from simcore.trace.words import Words

_HIDING: Final = ("native thread", "shared memory view", "shared structure")
"""What of the line NOT CONTROLLED may read and write where nobody sees it."""

_ORDERING_THREADS: Final = ("asyncio loop",)
_ORDERING_PROCESSES: Final = ("file lock", "socket")
"""What of it may order accesses where nobody sees it."""

_MISTAKES: Final = {one.value: one for one in Mistake}
_DOES: Final = {1: "reads", 2: "writes", 3: "updates"}


class _Case(NamedTuple):
    """What a pair is known as: its kind, the updates that it is about, what lies between the read and write of these."""

    kind: BugKindMark
    struck: bool
    updates: tuple[Update, ...]
    between: frozenset[Between]


class _Bound(NamedTuple):
    """An update with how its read and write belong together."""

    update: Update
    bond: Bond
    between: Between


BugKind = Callable[[Evidence], object]
"""A function that was passed through `simcore.api.bug_kind`."""


def races(trace: Trace, *, kinds: Sequence[BugKind] = KINDS) -> Races:
    """Look for accesses to shared data that nothing orders, whether they did harm in this run or not.

    Those that did come first, then those that the interpreter of the recording lets do harm, then those that met most often.
    `kinds` are asked one after the other what a race is known as.
    """
    tracked = track(trace)
    judge = _Judge(trace, tracked, tracked.pairs, kinds)
    found = [*judge.all(), *judge.all_cut()]
    split = split_locks(trace, tracked.judged, tracked.actor_of)
    if split:
        again = track(trace, tracked.judged, frozenset(split))
        guarded = set(split.values())
        more = {sites: pair for sites, pair in again.pairs.items() if sites not in tracked.pairs and pair.keys <= guarded}
        found += _Judge(trace, again, more, kinds).all_split()
    found.sort(key=lambda race: (race.doubt != "", not race.struck, race.possible is Possible.NO, race.unsure, -race.times))
    unseen = tuple(_unseen(trace, tracked))
    judged = tracked.accesses > 0 or trace.header.scenario.granularity == "access"
    is_clean = judged and tracked.complete and not unseen
    is_sure = any(not race.doubt for race in found)
    answer = Answer.FOUND if is_sure else Answer.NONE if is_clean and not found else Answer.INCONCLUSIVE
    return Races(trace, answer, tuple(found), tracked.accesses, tracked.looked_at, tracked.complete, unseen)


def _unseen(trace: Trace, tracked: Tracked) -> Iterator[str]:
    """What may hide a race, a phrase each."""
    shared = any(info.kind is ObjectKind.SHARED for info in trace.objects)
    for what in trace.ending.not_controlled:
        if any(word in what for word in _HIDING) or ("child process" in what and shared):
            yield what
    if trace.ending.cut_off:
        yield f"the trace is only a prefix: {trace.ending.cut_off}"
    for thing, (_, lower, higher) in tracked.untold.items():
        lines = " and ".join(dict.fromkeys(str(trace.sites[site]) for site in (lower, higher)))
        yield f"which items of {trace.object_labels[thing]} were accessed at {lines}, with no order between them"


class _Judge:
    def __init__(self, trace: Trace, tracked: Tracked, pairs: dict[PairKey, Pair], kinds: Sequence[BugKind]) -> None:
        self.trace, self.kinds = trace, kinds
        self.places: Places = tracked.judged
        self.pairs = pairs
        self.actor_of = tracked.actor_of
        self.words = Words(trace)
        self._bonds: dict[tuple[tuple[int, int], str], tuple[Bond, Between]] = {}
        keys = {key for pair in self.pairs.values() for key in pair.keys}
        self.updates = updates_of(trace, self.places, self.actor_of, keys) if keys else Updates()
        self.held = held_at(trace, [at for pair in self.pairs.values() for at in pair.first])

    def all(self) -> list[Race]:
        """A race per pair, without those that are none by what Python documents."""
        found = [(self._race(sites, pair), pair) for sites, pair in self.pairs.items()]
        return with_examples(race for race, pair in found if not self._is_documented(race, pair))

    def all_split(self) -> list[Race]:
        """Of pairs that only locks order which are held for one access at a time: updates that get lost all the same.

        Only where all that the two actors read there is written again: else what they read may be how they take turns.
        """
        return [
            self._race(sites, pair, split=True)
            for sites, pair in self.pairs.items()
            if any(one.bond is Bond.VALUE for one in self._bound(sites, pair)) and self._only_updates(sites[0], pair)
        ]

    def all_cut(self) -> list[Race]:
        """What somebody's write cut in this run at places that race, where by chance something else ordered just these lines."""
        pairs = dict(self._cut_pairs())
        if pairs:
            self.held |= held_at(self.trace, [at for pair in pairs.values() for at in pair.first])
        found = [(self._race(sites, pair), pair) for sites, pair in pairs.items()]
        return [race for race, pair in found if race.struck and not self._is_documented(race, pair)]

    def _cut_pairs(self) -> Iterator[tuple[PairKey, Pair]]:
        c = self.trace.columns
        for (group, site), updates in self.updates.at.items():
            for update in updates:
                if site != update.sites[0]:
                    continue
                for read, cutter, _ in update.cuts.values():
                    if any((group, *sorted((mine, cutter.site))) in self.pairs for mine in update.sites):
                        continue  # told with the pair
                    key = self.places.key_of(c.kind[read], c.object[read], c.site[read], c.value[read])
                    pair = Pair((read, cutter.position), 1, {key}, {(1, 2) if site <= cutter.site else (2, 1)}, unsure=False)
                    if self._bond(update.sites, self._name(pair), self.trace.objects[c.object[read]].kind)[0] is not Bond.NONE:
                        yield (group, min(site, cutter.site), max(site, cutter.site)), pair

    def _only_updates(self, group: int, pair: Pair) -> bool:
        c = self.trace.columns
        for at in pair.first:
            actor = self.actor_of[c.actor[at]]
            name, kind = self._name(pair), self.trace.objects[c.object[at]].kind
            for site in self.updates.reads.get((group, actor), ()):
                mine = (one for one in self.updates.at.get((group, site), ()) if one.sites[0] == site and actor in one.seen)
                if not any(one.single or self._bond(one.sites, name, kind)[0] is Bond.VALUE for one in mine):
                    return False
        return True

    def _is_documented(self, race: Race, pair: Pair) -> bool:
        """Whether methods meet here of which each is one step: an item that one of them is about may have been recorded alone."""
        if race.kind is not ObjectKind.ITEMS:
            return False
        name = self._name(pair)
        first, second = (self.places.code.methods(side.site, name) & ATOMIC.keys() for side in race.sides)
        if first and second and all(what & 2 for whats in pair.whats for what in whats):
            return True
        for methods, other in ((first, race.sides[1]), (second, race.sides[0])):
            if methods and other.does == "reads" and (methods <= DECIDING or race.mistake == Mistake.READ_WRITE):
                return not self._goes_through(other)
        return False

    def _goes_through(self, side: Side) -> bool:
        """Whether it reads all items of a container one by one: then one more or less breaks it."""
        c = self.trace.columns
        at = side.position
        item = self.places.item(self.places.key_of(c.kind[at], c.object[at], c.site[at], c.value[at]))
        return item[:1] == WHOLE and not self.places.code.only_looks(side.site)

    def _race(self, sites: PairKey, pair: Pair, *, split: bool = False) -> Race:
        trace, c = self.trace, self.trace.columns
        one, other = pair.first
        thing = c.object[other]
        info = trace.objects[thing]
        first, second = self._side(sites, pair, one), self._side(sites, pair, other)
        case = self._case(sites, pair, (first, second))
        cut = next((cut for update in case.updates if (cut := update.cut_at(*sites[1:])) is not None), None)
        struck = case.struck or cut is not None
        moments = tuple(self._moments(sites, pair, case, cut))
        apart = self._processes(pair)
        possible, because = possible_under(
            trace.header, case.kind.name, case.kind.about, case.between, struck=struck, split=split, between_processes=apart
        )
        race = Race(
            self._called(cut[2] if cut is not None else other),
            trace.object_names[thing],
            info.kind,
            trace.sites[info.site],
            _mistake(case.kind.name),
            case.kind.title or f"{case.kind.name} of {{}}",
            case.kind.means or f"What is known as {case.kind.name}.",
            struck,
            possible,
            because,
            (first, second),
            moments,
            pair.times,
            len({self.places.thing(key) for key in pair.keys}),
            pair.unsure,
            split,
            self._doubt(apart),
            fix="",
        )
        return fix_of(race, case.kind, between_processes=apart)

    def _processes(self, pair: Pair) -> bool:
        processes = self.trace.processes
        actor = self.trace.columns.actor
        return processes[actor[pair.first[0]]] != processes[actor[pair.first[1]]]

    def _doubt(self, between_processes: bool) -> str:
        words = _ORDERING_PROCESSES if between_processes else _ORDERING_THREADS
        return "; ".join(what for what in self.trace.ending.not_controlled if any(word in what for word in words))

    def _side(self, sites: PairKey, pair: Pair, position: int) -> Side:
        trace, c = self.trace, self.trace.columns
        site = self.places.line_of[c.site[position]]
        whats = {what for pair_of in pair.whats for what, at in zip(pair_of, sites[1:], strict=True) if at == site}
        does = _DOES[3] if 3 in whats else "reads and writes" if len(whats) > 1 else _DOES[whats.pop()]
        info = trace.actors[c.actor[position]]
        locks = tuple(HeldLock(self._lock(lock), trace.sites[taken]) for lock, taken in self.held[position].items())
        return Side(info.name, info.thread_name, trace.sites[site], does, position, locks)

    def _lock(self, index: int) -> LockInfo:
        info = self.trace.objects[index]
        return LockInfo(self.trace.object_names[index], self.trace.object_labels[index], info.kind, self.trace.sites[info.site])

    def _bound(self, sites: PairKey, pair: Pair) -> list[_Bound]:
        """Where somebody acts on what it read at one of the lines, and the other side writes."""
        found: list[_Bound] = []
        group, *both = sites
        name = self._name(pair)
        kind = self.trace.objects[self.trace.columns.object[pair.first[0]]].kind
        for place, site in enumerate(both):
            # An update is cut by a write of the other side, so that one has to write.
            if not any(whats[1 - place] & 2 for whats in pair.whats):
                continue
            for update in self.updates.at.get((group, site), ()):
                if not update.single:
                    found.append(_Bound(update, *self._bond(update.sites, name, kind)))
                elif kind is not ObjectKind.ITEMS or not self._is_one_step(site, name):
                    found.append(_Bound(update, Bond.VALUE, Between.NOTHING))
            if self._may_undo(both[1 - place], kind, name):
                found += self._checked(self.updates.again.get((group, site), ()), name)
        return found

    def _checked(self, pairs: Iterable[Update], name: str) -> Iterator[_Bound]:
        """Of pairs of reads those of which the first decides whether to rely on the second."""
        for update in pairs:
            check, use = (self.trace.sites[site] for site in update.sites)
            bond, between = self.places.code.bond_of_reads(check, use, name)
            if bond is not Bond.NONE:
                yield _Bound(update, bond, between)

    def _may_undo(self, site: int, kind: ObjectKind, name: str) -> bool:
        """Whether a write may make a check of the same place untrue: an item is taken out, an object was there before."""
        write = self.trace.sites[site]
        if kind is ObjectKind.ITEMS:
            return self.places.code.removes(write, name)
        return kind is not ObjectKind.SHARED and not is_init(write.function) and not self.places.code.sets_something(write, name)

    def _is_one_step(self, site: int, name: str) -> bool:
        """Whether a line changes a container by a method that is one step in every Python: then it loses nothing by itself."""
        methods = self.places.code.methods(self.trace.sites[site], name)
        return bool(methods) and methods <= ATOMIC.keys()

    def _case(self, sites: PairKey, pair: Pair, sides: tuple[Side, Side]) -> _Case:
        """What the first kind says that knows it."""
        all_sites = self.trace.sites
        bound = self._bound(sites, pair)
        uses = [
            Use(
                all_sites[one.update.sites[0]],
                all_sites[one.update.sites[1]],
                one.bond.value,
                one.update.single,
                one.update.cut_at(*sites[1:]) is not None,
            )
            for one in bound
        ]
        looks = {one.sites for site in sites[1:] for one in self.updates.at.get((sites[0], site), ())}
        evidence = Evidence(
            self.trace,
            self._called(pair.first[1]),
            self.trace.objects[self.trace.columns.object[pair.first[1]]].kind,
            sides,
            tuple(uses),
            only_writes=all(what == 2 for whats in pair.whats for what in whats),
            looks=tuple((all_sites[read], all_sites[write]) for read, write in sorted(looks)),
            places=self.places,
            name=self._name(pair),
        )
        for kind in (*self.kinds, read_write):
            if answer := kind(evidence):
                mark: BugKindMark = kind.simcore_bug_kind  # type: ignore[attr-defined]
                mine = [one for one in bound if one.bond.value == mark.about]
                updates = sorted((one.update for one in mine), key=lambda update: update.cut_at(*sites[1:]) is None)
                return _Case(mark, answer == "struck", tuple(updates), frozenset(one.between for one in mine))
        raise AssertionError("the last kind knows all")

    def _bond(self, sites: tuple[int, int], name: str, kind: ObjectKind) -> tuple[Bond, Between]:
        known = self._bonds.get((sites, name))
        if known is None:
            read, write = (self.trace.sites[site] for site in sites)
            known = self._bonds[sites, name] = self.places.code.bond(read, write, name)
            recorded_whole = kind is not ObjectKind.SHARED and self.places.code.is_augmented(read)
            if known[1] is Between.NOTHING and read == write and recorded_whole:
                # Where the values are plain, `x += y` is recorded as one step.
                known = self._bonds[sites, name] = (known[0], Between.OPERATOR)
        return known

    def _called(self, position: int) -> str:
        """What the place is called; of a container, what stands for it on the line, for by itself it is a `dict` or the like."""
        trace, c = self.trace, self.trace.columns
        thing = c.object[position]
        match trace.objects[thing].kind:
            case ObjectKind.SHARED:
                return self.words.object(thing)
            case ObjectKind.ITEMS:
                item = self.places.item(self.places.key_of(c.kind[position], thing, c.site[position], c.value[position]))
                name = self.places.code.container(trace.sites[c.site[position]])
                if name is not None:
                    return name[0] if item[:1] in (WHOLE, UNKNOWN) else f"{name[0]}[{shorten(clean(item))}]"
        return self.words.accessed(position)

    def _name(self, pair: Pair) -> str:
        """What the place is called where it is used: the last word of its name."""
        c = self.trace.columns
        thing = c.object[pair.first[0]]
        info = self.trace.objects[thing]
        if info.kind is ObjectKind.ITEMS:
            names = (self.places.code.container(self.trace.sites[c.site[at]]) for at in pair.first)
            return next((name[1] for name in names if name is not None), "")
        if info.kind is ObjectKind.SHARED:
            return "value"
        return info.label.rpartition(".")[2].partition("[")[0]

    def _moments(self, sites: PairKey, pair: Pair, case: _Case, cut: Cut | None) -> Iterator[Moment]:
        """The events of what got lost: those of this run, or the first ones of each side that other turns could interleave."""
        if not case.updates:
            return
        c = self.trace.columns
        positions: list[int] = []
        if cut is not None:
            read, written, write = cut
            positions = [read, written.read, written.position, write]
        else:
            one, other = (self.actor_of[c.actor[at]] for at in pair.first)
            for mine, its in ((one, other), (other, one)):
                seen = next((update.seen[mine] for update in case.updates if mine in update.seen), None)
                known = (self.updates.writes.get((sites[0], site, its)) for site in sites[1:])
                written = next((write for write in known if write is not None), None)  # type: ignore[assignment]
                if seen is not None and written is not None:
                    positions = [*seen, written.read, written.position]
                    break
        for position in sorted({at for at in positions if at >= 0}):
            yield Moment(position, self.trace.actors[c.actor[position]].name, self.words.action(position))


def _mistake(name: str) -> str:
    return _MISTAKES.get(name, name)
