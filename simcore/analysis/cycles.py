"""GoodLock: cycles of requests that other turns could have brought together (Havelund 2000; Bensalem and Havelund 2005).

A cycle counts when each of its actors asks for the lock that the next one holds, when these are different actors, when no two of
them hold a lock in common (a gate that lets only one of them in), and when no start or join orders two of their requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from simcore.analysis.holding import Edge
from simcore.analysis.ordering import Segments

MOST_STEPS: Final = 200_000
"""After so many steps the search is ended: locks that are taken in all orders have more cycles than anybody can look at."""

MOST_CYCLES: Final = 1000
"""After so many cycles, too."""

MOST_SEGMENTS: Final = 20_000
"""Of more segments with requests that may be part of a cycle the first ones are looked at: they are compared each with each."""


class Found(NamedTuple):
    """One cycle: its edges, each with the segment in which it was seen."""

    parts: tuple[tuple[Edge, int], ...]


@dataclass(slots=True)
class Search:
    """All that was found, the shortest first; `ended` says that there may be more."""

    cycles: list[Found] = field(default_factory=list)
    ended: bool = False


_Places = tuple[int, int, int, int]
"""The edges between two locks that differ in what else was held, and by whom: held, taken, asked, at."""


def search(edges: Mapping[Edge, Iterable[int]], segments: Segments) -> Search:
    """The cycles of these edges, of which each was seen in some segments. Each set of locks and sites is told once."""
    return _Searcher(edges, segments).run()


class _Searcher:
    def __init__(self, edges: Mapping[Edge, Iterable[int]], segments: Segments) -> None:
        part_of = components((edge.held, edge.asked) for edge in edges)
        inner = {edge: sorted(seen) for edge, seen in edges.items() if part_of[edge.held] == part_of[edge.asked]}
        wanted = sorted({segment for seen in inner.values() for segment in seen})
        self.result = Search(ended=len(wanted) > MOST_SEGMENTS)
        wanted = wanted[:MOST_SEGMENTS]
        self.wanted = wanted
        self.concurrent = segments.concurrent(wanted)
        bits = {segment: 1 << place for place, segment in enumerate(wanted)}
        self.seen: dict[_Places, list[tuple[Edge, int]]] = {}
        """Per group its edges, each with the set of segments in which it was seen."""
        for edge, seen in inner.items():
            known = 0
            for segment in seen:
                known |= bits.get(segment, 0)
            if known:
                self.seen.setdefault(edge[:4], []).append((edge, known))
        self.after: dict[int, dict[int, list[_Places]]] = {}
        """Per lock the locks that were asked for while it was held, with the groups of edges."""
        for places in sorted(self.seen):
            self.after.setdefault(places[0], {}).setdefault(places[2], []).append(places)
        self.actors = len({segments.actor[segment] for segment in wanted})
        self.steps = 0
        self.told: set[frozenset[_Places]] = set()

    def run(self) -> Search:
        distances: dict[int, dict[int, int]] = {}
        for length in range(2, min(self.actors, len(self.after)) + 1):
            for start in sorted(self.after):
                if self._is_over():
                    break
                if start not in distances:
                    distances[start] = self._distances(start)
                for parts in self._from(start, distances[start], [], length):
                    self._tell(parts)
        self.result.ended = self.result.ended or self._is_over()
        return self.result

    def _is_over(self) -> bool:
        return self.steps > MOST_STEPS or len(self.result.cycles) >= MOST_CYCLES

    def _tell(self, parts: list[tuple[Edge, int]]) -> None:
        places = frozenset(edge[:4] for edge, _ in parts)
        if places not in self.told:
            self.told.add(places)
            self.result.cycles.append(Found(tuple(parts)))

    def _distances(self, start: int) -> dict[int, int]:
        """How many edges lead from each lock back to the start, by locks behind it only: a cycle is told from its first lock."""
        into: dict[int, list[int]] = {}
        for held, asked in ((held, asked) for held, after in self.after.items() for asked in after if min(held, asked) >= start):
            into.setdefault(asked, []).append(held)
        found = {start: 0}
        row = [start]
        for lock in row:
            for held in into.get(lock, ()):
                if held not in found:
                    found[held] = found[lock] + 1
                    row.append(held)
        return found

    def _from(
        self, start: int, distances: Mapping[int, int], chain: list[_Places], length: int
    ) -> Iterator[list[tuple[Edge, int]]]:
        """The cycles of this length that begin with this chain of groups, each as edges that go together."""
        lock = chain[-1][2] if chain else start
        left = length - len(chain)
        taken = {places[0] for places in chain}
        for asked, groups in self.after.get(lock, {}).items():
            closes = asked == start
            if closes != (left == 1) or (asked in taken and not closes) or not distances.get(asked, length) < left:
                continue
            for places in groups:
                self.steps += 1
                if self._is_over():
                    return
                chain.append(places)
                together = self._together(chain, 0, -1, frozenset())
                if together is not None:
                    if closes:
                        yield together
                    else:
                        yield from self._from(start, distances, chain, length)
                chain.pop()

    def _together(self, chain: list[_Places], place: int, allowed: int, held: frozenset[int]) -> list[tuple[Edge, int]] | None:
        """An edge and a segment for each group of the chain from `place` on that other turns could bring together, or None.

        `allowed` has the segments that those chosen so far leave, `held` the locks that are held in them.
        """
        if place == len(chain):
            return []
        for edge, seen in self.seen[chain[place]]:
            self.steps += 1
            if not edge.all_held.isdisjoint(held):
                continue
            possible = seen & allowed
            while possible:
                self.steps += 1
                if self._is_over():
                    return None
                bit = possible & -possible
                possible ^= bit
                segment = self.wanted[bit.bit_length() - 1]
                rest = self._together(chain, place + 1, allowed & self.concurrent[segment], held | edge.all_held)
                if rest is not None:
                    return [(edge, segment), *rest]
        return None


def components(edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """For each node the number of its strongly connected component (Tarjan 1972, without recursion)."""
    after: dict[int, list[int]] = {}
    for one, other in edges:
        after.setdefault(one, []).append(other)
        after.setdefault(other, [])
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    found: dict[int, int] = {}
    stack: list[int] = []
    for root in after:
        if root in number:
            continue
        path = [(root, iter(after[root]))]
        number[root] = low[root] = len(number)
        stack.append(root)
        while path:
            node, rest = path[-1]
            for other in rest:
                if other not in number:
                    number[other] = low[other] = len(number)
                    stack.append(other)
                    path.append((other, iter(after[other])))
                    break
                if other not in found:
                    low[node] = min(low[node], number[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == number[node]:
                    while True:
                        member = stack.pop()
                        found[member] = number[node]
                        if member == node:
                            break
    return found
