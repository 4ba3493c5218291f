"""What follows from another setting, and what from the schedule.

Two runs that were set up alike differ by their schedule (or their inputs) alone. Of two that were not, this much is certain: an
actor that nothing reordered has reached differs because of the setting. A reordering reaches whoever does the next operation on
that object, then whatever he does something to, and so on: the causal future of the first operations that come in another order.
What one worker took that another took in the other run is such an order, and nothing that the worker did otherwise. One that only
did not get as far in one run, and neither came to its end there nor waits for something, was stopped: perhaps by the schedule.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import replace

from simcore.diffing.meaning import Lane
from simcore.diffing.pairing import Change, Pairing, Side
from simcore.diffing.shapes import Shapes
from simcore.diffing.tables import Tables
from simcore.trace.events import Kind, Outcome

SCHEDULE, SETTING, EITHER = "schedule", "setting", "either"


class Causes:
    """Tells for a change of an actor what it follows from. `reordered` are the groups whose common operations come in another
    order, with the first place in A and in B; `shared_out` are the shapes of takes that differ in who made them."""

    def __init__(
        self,
        tables: Tables,
        pairing: Pairing,
        shapes: Shapes,
        reordered: dict[int, tuple[int, int]],
        *,
        shared_out: Collection[int] = (),
        set_up_alike: bool,
    ) -> None:
        self.pairing, self.shared_out = pairing, shared_out
        self.set_up_alike = set_up_alike
        self.known = tables.actor_a, tables.actor_b
        self.reached: tuple[dict[int, int], dict[int, int]] = ({}, {})
        if not set_up_alike:
            self.reached = (
                _reached(pairing.a, shapes, {group: place[0] for group, place in reordered.items()}),
                _reached(pairing.b, shapes, {group: place[1] for group, place in reordered.items()}),
            )

    def of(self, actor: int, change: Change) -> str:
        """SCHEDULE where both were set up alike, SETTING where no reordering has reached the actor before, else EITHER."""
        if self.set_up_alike:
            return SCHEDULE
        own = self.own(actor, change)
        if own is None or self.stopped(actor, own):
            return EITHER
        for place, reached in zip(own.first or (None, None), self.reached, strict=True):
            at = reached.get(actor)
            if at is not None and (place is None or at < place):
                return EITHER
        return SETTING

    def own(self, actor: int, change: Change) -> Change | None:
        """The change without what others took in the actor's place, or it in theirs; None when nothing is left of it."""
        places = self.pairing.places(Lane.STEP, actor)
        own_a, own_b = (self._own(side, at) for side, at in zip((self.pairing.a, self.pairing.b), places, strict=True))
        if (len(own_a), len(own_b)) == tuple(map(len, places)):
            return change
        did_a, did_b = self.pairing.a.did(Lane.STEP, own_a), self.pairing.b.did(Lane.STEP, own_b)
        shorter = min(len(did_a), len(did_b))
        same = next((index for index in range(shorter) if did_a[index] != did_b[index]), shorter)
        if len(did_a) == len(did_b) == same:
            return None if change.first_result is None else replace(self._less(change, places), first=change.first_result, cut=0)
        result = replace(self._less(change, places), first=(_at(own_a, same), _at(own_b, same)), cut=0)
        if same == shorter:
            result.cut = 1 if len(did_a) == shorter else 2
        if change.first_result is not None:
            result.cut = 0
            result.note(*change.first_result)
        return result

    def _less(self, change: Change, places: tuple[array[int], array[int]]) -> Change:
        """The change with only so many events as are no such takes."""
        numbers = []
        for side, twins, at in zip((self.pairing.a, self.pairing.b), (self.pairing.back, self.pairing.twin), places, strict=True):
            numbers.append(sum(twins[position] < 0 and side.shape[position] in self.shared_out for position in at))
        only_a, only_b = change.only_a - numbers[0], change.only_b - numbers[1]
        return replace(change, only_a=max(only_a, 0), only_b=max(only_b, 0), other=change.other - change.taken)

    def stopped(self, actor: int, change: Change) -> bool:
        """Whether the actor was there in both runs and in one only got less far, without an end and without a wait."""
        if not change.cut:
            return False
        side = self.pairing.a if change.cut == 1 else self.pairing.b
        numbers, trace = self.known[change.cut - 1], side.trace
        index = numbers.index(actor) if actor in numbers else 0
        if not index:  # never started, or the main thread of the program
            return False
        blocked = trace.outcome in (Outcome.DEADLOCK, Outcome.STALLED, Outcome.TIMEOUT)
        if blocked and any(pending.actor == index for pending in trace.ending.pending):
            return False
        steps = side.steps.get(actor)
        return not steps or trace.columns.kind[steps[-1]] not in (Kind.END, Kind.EXIT)

    def _own(self, side: Side, places: array[int]) -> array[int]:
        if not self.shared_out:
            return places
        return array("i", (position for position in places if side.shape[position] not in self.shared_out))


def _at(places: array[int], index: int) -> int | None:
    return places[index] if index < len(places) else None


def _reached(side: Side, shapes: Shapes, starts: dict[int, int]) -> dict[int, int]:
    """Per actor that reorderings reach the position at which they do."""
    actors: dict[int, int] = {}
    groups: set[int] = set()
    first = min(starts.values(), default=len(side.shape))
    group_of = shapes.group
    for position in range(first, len(side.shape)):
        group = group_of[side.shape[position]]
        if group < 0:
            continue
        actor = side.actor[position]
        if actor in actors:
            groups.add(group)
        elif group in groups or position >= starts.get(group, len(side.shape)):
            actors[actor] = position
    return actors
