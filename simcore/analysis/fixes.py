"""What would order a race: one sentence, in the names of the program."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from simcore.analysis.race_result import Race
from simcore.api import BugKindMark

_ONE: Final = "hold one lock at both"
_SPANS: Final = {"value": ", from the read to the write", "choice": ", from the check to the act"}


def fix_of(race: Race, kind: BugKindMark, *, between_processes: bool) -> Race:
    """The race with its fix."""
    return replace(race, fix=_fix(race, kind, between_processes))


def with_examples(races: Iterable[Race]) -> list[Race]:
    """The same races; where nobody holds a lock, that of another one at the same place is proposed."""
    told = list(races)
    held: dict[tuple[str, str], str] = {}
    for race in told:
        for side in race.sides:
            for lock in side.locks:
                where = f" at {lock.taken_at}" if lock.taken_at.line else ""
                example = f"hold one lock at both, say `{lock.lock.label}`, which {side.actor} takes{where}"
                held.setdefault((race.place, race.object), example)
    return [_with_example(race, held.get((race.place, race.object))) for race in told]


def _with_example(race: Race, example: str | None) -> Race:
    if example is None or not race.fix.startswith(_ONE):
        return race
    return replace(race, fix=race.fix.replace(_ONE, example, 1))


def _fix(race: Race, kind: BugKindMark, between_processes: bool) -> str:
    first, second = race.sides
    span = _SPANS.get(kind.about, "")
    for holder, other in ((first, second), (second, first)):
        mine = {held.lock.name for held in other.locks}
        for held in holder.locks:
            if held.lock.name not in mine:
                taken = f" (taken at {held.taken_at})" if held.taken_at.line else ""
                if other.locks:
                    where = f", also at {other.site}" if other.site.line else ""
                    return f"hold the same lock at both{span}: `{held.lock.label}`, which {holder.actor} holds{taken}{where}"
                return f"hold `{held.lock.label}` at both{span}: {holder.actor} holds it{taken}, {other.actor} does not"
    if first.locks and second.locks:
        return f"hold `{first.locks[-1].lock.label}` from the read to the write: it is given back in between"
    if between_processes:
        return f"hold one multiprocessing.Lock at both{span}"
    if kind.fix:
        return kind.fix
    if span:
        return f"{_ONE}{span}"
    return f"{_ONE}, or let one wait for the other: by an Event, a queue, a join"
