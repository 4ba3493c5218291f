"""What follows from another setting, and what from the schedule.

Two runs that were set up alike differ by their schedule (or their inputs) alone. Of two that were not, this much is certain: an
actor that nothing reordered has reached differs because of the setting. A reordering reaches whoever does the next operation on
that object, then whatever he does something to, and so on: the causal future of the first operations that come in another order.
"""

from __future__ import annotations

from simcore.diffing.pairing import Change, Pairing, Side
from simcore.diffing.shapes import Shapes

SCHEDULE, SETTING, EITHER = "schedule", "setting", "either"


class Causes:
    """Tells for a change of an actor what it follows from. `reordered` are the groups whose common operations come in another
    order, with the first place in A and in B."""

    def __init__(self, pairing: Pairing, shapes: Shapes, reordered: dict[int, tuple[int, int]], *, set_up_alike: bool) -> None:
        self.set_up_alike = set_up_alike
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
        for place, reached in zip(change.first or (None, None), self.reached, strict=True):
            at = reached.get(actor)
            if at is not None and (place is None or at < place):
                return EITHER
        return SETTING


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
