"""The search for what tells two groups of runs apart: which of two operations came first, and who came in between.

Everything that is looked for is a yes or no per run; a run where it cannot be told (neither operation happened) is neither. Bits
of a mask are runs, those of group A first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final, NamedTuple

from simcore.diffing.orders import Names
from simcore.diffing.orders import Sequence as Operations
from simcore.trace.events import ObjectKind
from simcore.trace.words import RUNNERS

EFFORT: Final = 1_000_000
"""So many looks at a pair of operations in a run are made; with more objects and runs fewer operations of each are looked at."""

NEAR: Final = 0.5
"""What tells the groups apart less well than this is not worth a word."""

_MOST_BETWEEN: Final = 4
_MOST_PLACES: Final = 40
_MOST_HALVES: Final = 150


class Operation(NamedTuple):
    """The `nth` operation, from 1, of a doer; with a `site` the first of anybody there (`doer` is one who did it)."""

    doer: int
    nth: int
    site: int = -1


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that tells runs apart: `first` comes before `second` on this object (`order`, or `place` when it does not matter
    who it is), `between` a `first` and the next operation `second` of one actor another comes (`between`), or two `halves` hold
    (`both`).

    `yes` and `no` are the runs in which it is so and in which it is the other way round. `earliest` is where runs part by it.
    """

    why: str
    thing: str
    first: Operation
    second: Operation
    yes: int
    no: int
    score: float
    earliest: float
    between: int = -1
    halves: tuple[Fact, ...] = ()


class Groups(NamedTuple):
    """How many runs there are in both groups."""

    a: int
    b: int

    @property
    def mask_a(self) -> int:
        return (1 << self.a) - 1

    @property
    def mask_b(self) -> int:
        return ((1 << self.b) - 1) << self.a

    def in_all_of_one(self, mask: int) -> bool:
        """Whether all runs of one group are among these."""
        return mask & self.mask_a == self.mask_a or mask & self.mask_b == self.mask_b

    def score(self, yes: int, no: int) -> float:
        """From -1 to 1: 1 where it is so in all of B and the other way round in all of A, 0 where it says nothing."""
        of_a = ((no & self.mask_a).bit_count() - (yes & self.mask_a).bit_count()) / self.a
        of_b = ((yes & self.mask_b).bit_count() - (no & self.mask_b).bit_count()) / self.b
        return (of_a + of_b) / 2


@dataclass(slots=True)
class Search:
    """What was found: facts, those that say most first; how many orders vary; whether everything was looked at."""

    facts: list[Fact]
    varying: int
    whole: bool


def search(runs: Sequence[dict[str, Operations]], names: Names, groups: Groups) -> Search:
    """What tells the first `groups.a` of these runs from the others."""
    found: list[Fact] = []
    varying, whole = 0, True
    things = [thing for thing in _things(runs) if len(_actors(runs, thing, names)) > 1]
    for thing in things:
        table = _Table(runs, thing, names, max(20, EFFORT // (len(things) * len(runs))))
        whole = whole and table.whole
        found += _orders(table, groups)
        if names.labels.get(thing, ("", ObjectKind.THREAD))[1] not in RUNNERS:  # each has its actor, and his starter
            found += [*_places(table, groups), *_between(table, groups)]
        varying += table.varying
    best = max((fact.score for fact in found), default=0.0)
    if best < 1:
        found += _both([fact for fact in found if fact.why == "order"], groups)
    told = _told([fact for fact in found if fact.score >= NEAR])
    return Search(told, varying, whole)


def _things(runs: Iterable[dict[str, Operations]]) -> list[str]:
    return list(dict.fromkeys(thing for run in runs for thing in run))


def _actors(runs: Iterable[dict[str, Operations]], thing: str, names: Names) -> set[str]:
    return {names.doers[doer].actor for run in runs if thing in run for doer in set(run[thing].doers)}


class _Table:
    """The operations on one object in every run: how many of each doer came before each, and where they stand."""

    def __init__(self, runs: Sequence[dict[str, Operations]], thing: str, names: Names, effort: int) -> None:
        self.thing, self.names = thing, names
        empty = Operations()
        self.runs = [run.get(thing, empty) for run in runs]
        self.doers = sorted({doer for run in self.runs for doer in run.doers})
        self.column = {doer: number for number, doer in enumerate(self.doers)}
        longest = max(len(run.doers) for run in self.runs)
        self.most = min(longest, max(20, effort // max(len(self.doers), 1)))
        self.whole = self.most >= longest and not any(run.cut for run in self.runs)
        self.cut = [run.cut or len(run.doers) > self.most for run in self.runs]
        self.varying = 0
        self.before: list[dict[tuple[int, int], list[int]]] = []
        self.places: list[dict[tuple[int, int], int]] = []
        self.totals: list[list[int]] = []
        for run in self.runs:
            counts = [0] * len(self.doers)
            before: dict[tuple[int, int], list[int]] = {}
            places: dict[tuple[int, int], int] = {}
            for index in range(min(self.most, len(run.doers))):
                column = self.column[run.doers[index]]
                own = (column, counts[column] + 1)
                before[own] = counts.copy()
                places[own] = run.positions[index]
                counts[column] += 1
            self.before.append(before)
            self.places.append(places)
            self.totals.append(counts)

    def rivals(self) -> list[list[int]]:
        """Per doer those whose order with it can matter: of other actors, and not both only looking."""
        who = [self.names.doers[doer] for doer in self.doers]
        return [[n for n, other in enumerate(who) if other.actor != one.actor and not (one.looks and other.looks)] for one in who]

    def earliest(self, *operations: tuple[int, int]) -> float:
        """Where the first of these operations stands, in the run in the middle."""
        first = [min((places[one] for one in operations if one in places), default=None) for places in self.places]
        return median([place for place in first if place is not None] or [0])


def _orders(table: _Table, groups: Groups) -> Iterator[Fact]:
    """For two operations of two actors which came first: per operation and other actor the one that tells most."""
    rivals = table.rivals()
    seen: set[tuple[tuple[int, int], tuple[int, int]]] = set()
    n_runs = len(table.runs)
    for own in dict.fromkeys(key for before in table.before for key in before):
        rows = [before.get(own) for before in table.before]
        for other in rivals[own[0]]:
            counts = [row[other] if row is not None else total[other] for row, total in zip(rows, table.totals, strict=True)]
            if min(counts) == max(counts):
                continue
            for nth in _borders(counts, groups):
                yes = no = 0
                for run in range(n_runs):
                    if counts[run] >= nth:
                        if rows[run] is not None or not table.cut[run]:
                            yes |= 1 << run
                    elif rows[run] is not None:
                        no |= 1 << run
                one = (other, nth)
                pair = (one, own) if one < own else (own, one)
                if not yes or not no or pair in seen:
                    continue
                seen.add(pair)
                table.varying += 1
                score = groups.score(yes, no)
                if abs(score) < NEAR and not groups.in_all_of_one(yes) and not groups.in_all_of_one(no):
                    continue
                first, second = one, own
                if score < 0:
                    first, second, yes, no, score = own, one, no, yes, -score
                yield Fact(
                    "order",
                    table.thing,
                    Operation(table.doers[first[0]], first[1]),
                    Operation(table.doers[second[0]], second[1]),
                    *(yes, no, score, table.earliest(first, second)),
                )


def _borders(counts: Sequence[int], groups: Groups) -> set[int]:
    """The numbers of operations at which the groups may part: at the ends of each group's range and in its middle."""
    found = set()
    for group in (sorted(counts[: groups.a]), sorted(counts[groups.a :])):
        found |= {group[0], group[-1] + 1, group[len(group) // 2], group[len(group) // 2] + 1}
    return {nth for nth in found if min(counts) < nth <= max(counts)}


def _places(table: _Table, groups: Groups) -> Iterator[Fact]:
    """The same for the first operations at two places in the source, whoever comes to them."""
    firsts: list[dict[int, int]] = []
    doer_at: dict[int, int] = {}
    for run in table.runs:
        first: dict[int, int] = {}
        for doer, site, position in zip(run.doers, run.sites, run.positions, strict=True):
            first.setdefault(site, position)
            doer_at.setdefault(site, doer)
        firsts.append(first)
    sites = [site for site in doer_at if table.names.sites[site].line][:_MOST_PLACES]
    for number, one in enumerate(sites):
        for other in sites[:number]:
            if table.names.doers[doer_at[one]].looks and table.names.doers[doer_at[other]].looks:
                continue
            yes = no = 0
            for number_of_run, first in enumerate(firsts):
                whole = not table.cut[number_of_run]
                if one in first and (first[one] < first[other] if other in first else whole):
                    yes |= 1 << number_of_run
                elif other in first and (one in first or whole):
                    no |= 1 << number_of_run
            if not yes or not no:
                continue
            table.varying += 1
            score = groups.score(yes, no)
            if abs(score) < NEAR:
                continue
            pair = (Operation(doer_at[one], 1, one), Operation(doer_at[other], 1, other))
            if score < 0:
                pair, yes, no, score = pair[::-1], no, yes, -score
            came = [[first[site] for site in (one, other) if site in first] for first in firsts]
            yield Fact("place", table.thing, *pair, yes, no, score, median(min(places) for places in came if places))


def _between(table: _Table, groups: Groups) -> Iterator[Fact]:
    """Whether somebody ever comes between two successive operations of an actor, by places in the source: whoever it is."""
    everyone = groups.mask_a | groups.mask_b
    found: dict[tuple[int, int, int, str, str], int] = {}
    first_at: dict[tuple[int, int, int, str, str], list[int]] = {}
    home: dict[tuple[int, int, int, str, str], tuple[Operation, Operation, int]] = {}
    doers = table.names.doers
    for run, operations in enumerate(table.runs):
        last: dict[str, int] = {}
        nth = Counter[int]()
        for index in range(min(table.most, len(operations.doers))):
            doer, site = operations.doers[index], operations.sites[index]
            actor = doers[doer].actor
            nth[doer] += 1
            start = last.get(actor, index)
            last[actor] = index
            if index - start < 2 or (doers[doer].looks and doers[operations.doers[start]].looks):
                continue
            for middle in range(start + 1, min(index, start + 1 + _MOST_BETWEEN)):
                inner = operations.doers[middle]
                if doers[inner].looks:
                    continue
                before = operations.doers[start]
                places = (operations.sites[start], site, operations.sites[middle])
                key = (*places, doers[before].phrase, doers[doer].phrase)
                found[key] = found.get(key, 0) | 1 << run
                first_at.setdefault(key, []).append(operations.positions[middle])
                home.setdefault(
                    key, (Operation(before, 1, operations.sites[start]), Operation(doer, 1, site), operations.sites[middle])
                )
    for key, yes in found.items():
        no = everyone & ~yes
        if not no:
            continue
        table.varying += 1
        score = abs(groups.score(yes, no))
        if score < NEAR:
            continue
        first, second, middle = home[key]
        yield Fact("between", table.thing, first, second, yes, no, score, median(first_at[key]), middle)


def _both(orders: Sequence[Fact], groups: Groups) -> list[Fact]:
    """Two orders that hold together in all runs of one group and in none of the other, where no single one does."""
    for whole, other in ((groups.mask_b, groups.mask_a), (groups.mask_a, groups.mask_b)):
        halves = []
        for fact in orders:
            for one in (fact, turned(fact)):
                if one.yes & whole == whole:
                    halves.append(one)
        halves.sort(key=lambda one: ((one.yes & other).bit_count(), one.earliest))
        del halves[_MOST_HALVES:]
        best: tuple[float, float] | None = None
        found: Fact | None = None
        for number, one in enumerate(halves):
            for another in halves[:number]:
                yes = one.yes & another.yes
                if yes & other:
                    continue
                rank = (max(one.earliest, another.earliest), one.earliest + another.earliest)
                if best is None or rank < best:
                    best = rank
                    pair = sorted((one, another), key=lambda half: half.earliest)
                    no = (groups.mask_a | groups.mask_b) & ~yes
                    found = replace(one, why="both", yes=yes, no=no, score=1.0, earliest=rank[0], halves=tuple(pair))
        if found is not None:
            return [found]
    return []


def turned(fact: Fact) -> Fact:
    """The same order, the other way round."""
    return replace(fact, first=fact.second, second=fact.first, yes=fact.no, no=fact.yes)


_SIMPLER: Final = {"order": 0, "place": 1, "between": 2, "both": 3}


def _told(facts: list[Fact]) -> list[Fact]:
    """The facts worth telling, the best first, the earliest of equals; of each object and pair of doers one.

    That somebody is at a place before somebody is at another says nothing new where it is known who.
    """
    facts.sort(key=lambda fact: (-fact.score, fact.earliest, _SIMPLER[fact.why], fact.first.nth + fact.second.nth))
    seen: set[object] = set()
    told = []
    for fact in facts:
        pair = frozenset((fact.first.doer, fact.second.doer)) if fact.why in ("order", "place") else (fact.why,)
        if (fact.thing, pair) not in seen:
            seen.add((fact.thing, pair))
            told.append(fact)
    return told
