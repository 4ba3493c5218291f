"""What start and join order: an actor's life is cut into segments, and a segment knows which others ended before it began.

These are the vector clocks of the analysis, kept as sets of segments. Nothing else is an edge: a lock handed over, an item of a
queue, an event that was set came in the order of this run, and may come in another one in the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Segments:
    """The segments of all actors, numbered in the order in which they began; `current` has that of each actor."""

    def __init__(self, actors: int) -> None:
        self.current = list(range(actors))
        self.actor = list(range(actors))
        """Per segment whose it is."""
        self.before: list[tuple[int, ...]] = [()] * actors
        """Per segment those that ended directly before it."""

    def start(self, actor: int, child: int) -> None:
        """An actor starts another one. What it does from now on is not known to have happened before that one's life."""
        self._cut(child, (self.current[actor], self.current[child]))
        self._cut(actor, (self.current[actor],))

    def join(self, actor: int, ended: Iterable[int]) -> None:
        """An actor has waited for the end of these."""
        self._cut(actor, (self.current[actor], *(self.current[one] for one in ended)))

    def _cut(self, actor: int, before: tuple[int, ...]) -> None:
        self.current[actor] = len(self.actor)
        self.actor.append(actor)
        self.before.append(before)

    def concurrent(self, wanted: Iterable[int]) -> dict[int, int]:
        """For each of the `wanted` segments a set of those of them that another actor did in no order with it.

        A set is an integer with a bit per wanted segment, in ascending order.
        """
        bits = {segment: 1 << place for place, segment in enumerate(sorted(wanted))}
        everything = (1 << len(bits)) - 1
        own: dict[int, int] = {}
        for segment, bit in bits.items():
            own[self.actor[segment]] = own.get(self.actor[segment], 0) | bit
        result = {segment: everything & ~own[self.actor[segment]] for segment in bits}
        for segment, known in self._reached(bits):
            result[segment] &= ~known
        return self._minus_later(result, bits)

    def _reached(self, bits: dict[int, int]) -> Iterator[tuple[int, int]]:
        """Per wanted segment the wanted ones that happened before it; sets that nobody needs any more are let go of."""
        uses = [0] * len(self.actor)
        for before in self.before:
            for one in before:
                uses[one] += 1
        past: dict[int, int] = {}
        for segment, before in enumerate(self.before):
            known = 0
            for one in before:
                known |= past.get(one, 0) | bits.get(one, 0)
                uses[one] -= 1
                if not uses[one]:
                    past.pop(one, None)
            if known and uses[segment]:
                past[segment] = known
            if segment in bits:
                yield segment, known

    def _minus_later(self, result: dict[int, int], bits: dict[int, int]) -> dict[int, int]:
        """The same sets without the wanted segments that happened after each: what reaches it from the end of the run."""
        future: dict[int, int] = {}
        for segment in range(len(self.actor) - 1, -1, -1):
            later = future.pop(segment, 0)
            if segment in bits:
                result[segment] &= ~later
                later |= bits[segment]
            if later:
                for one in self.before[segment]:
                    future[one] = future.get(one, 0) | later
        return result
