"""Assertions about runs: AssertionError says what was found, what was expected, and which trace to look at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from simcore.engine import Replay
from simcore.errors import UsageError
from simcore.testing import asking
from simcore.testing.asking import EventName, hand_offs, name_of_actor, position_of, takers
from simcore.testing.forcing import fail
from simcore.testing.running import firsts, replay
from simcore.trace.events import Outcome
from simcore.trace.locate import name_of
from simcore.trace.model import Span, Trace
from simcore.trace.text import count, join


def assert_ends(trace: Trace, *outcomes: str | Outcome) -> None:
    """The run ended in one of these ways (`ok`, `failed`, `deadlock`...); without any as its pattern declares."""
    words = [one.word if isinstance(one, Outcome) else one for one in outcomes] or list(trace.header.scenario.expect)
    known = [outcome.word for outcome in Outcome]
    if strange := [word for word in words if word not in known]:
        raise UsageError(f"{strange[0]!r} is no outcome; expected some of {', '.join(known)}")
    if trace.outcome.word not in words:
        error = f": {trace.ending.error}" if trace.ending.error else ""
        fail(trace, f"the run ended {trace.outcome.word}{error}; expected {join(words, 'or')}")


def assert_replays(trace: Trace, times: int = 3, *, output: bool = True) -> Replay:
    """Each replay does what was recorded: the same events, order, results, outcome, and with `output` the same text."""
    answer = replay(trace, times=times)
    for number, run in enumerate(answer.runs, start=1):
        of = f"replay {number} of {times}"
        if run.divergence is not None:
            reason = f" ({run.divergence.reason})" if run.divergence.reason else ""
            fail(trace, f"{of} parted from the trace at {run.divergence}{reason}")
        if run.differs:
            fail(trace, f"{of} was another run: {run.differs}")
        written = {"more": run.writes_added, "missing": run.writes_removed, "with another text": run.writes_changed}
        told = [f"{count(number, 'write')} {what}" for what, number in written.items() if number]
        if output and told:
            fail(trace, f"{of} did the same but wrote something else: {join(told)}")
    return answer


def assert_ordered(trace: Trace, *names: EventName) -> None:
    """There are events of these names, and each lies before the next one."""
    if len(names) < 2:
        raise UsageError(f"{count(len(names), 'event')} to compare, expected 2 or more", "assert_ordered(trace, first, then)")
    places = [(name, position_of(trace, name)) for name in names]
    for name, place in places:
        if place is None:
            fail(trace, f"nobody did this: {asking.told(name)}")
    for (first, earlier), (then, later) in pairwise(places):
        assert earlier is not None
        assert later is not None
        if earlier >= later:
            where, other = (f"{name_of(trace, place)} @{place}" for place in (earlier, later))
            fail(trace, f"expected {asking.told(first)} ({where}) before {asking.told(then)} ({other})")


def assert_taken(trace: Trace, lock: str, actors: Sequence[str]) -> None:
    """These actors took the lock, the first time each, in this order; others may have taken it in between."""
    found = firsts(trace, lock, actors)
    if found != list(actors):
        missing = [name for name in actors if name not in found]
        never = f"; {join(missing)} never did" if missing else ""
        fail(
            trace,
            f"{lock} was first taken by {join(found, 'then') or 'none of them'}{never}; expected {join(list(actors), 'then')}",
        )


def assert_handed_over(trace: Trace, lock: str, giver: str, taker: str, times: int | None = None) -> None:
    """The lock went from `giver` to `taker`, with nobody between them: at least once, or so many `times`."""
    names = {name_of_actor(trace, index): index for index in range(len(trace.actors))}
    wanted = []
    for name in (giver, taker):
        asking.events(trace, name)  # raises for a name that the trace does not have
        known = [shown for shown, index in names.items() if name in trace.actors[index]]
        wanted.append(known[0] if known else name)
    all_of_them = hand_offs(trace, lock)
    found = all_of_them.count((wanted[0], wanted[1]))
    if found != times if times is not None else not found:
        expected = count(times, "time") if times is not None else "once at least"
        fail(
            trace,
            f"{lock} went from {giver} to {taker} {count(found, 'time')}, expected {expected}; "
            f"it was taken by {_few(takers(trace, lock))}",
        )


def assert_spans(trace: Trace, operation: str, actor: str = "", on: str = "", times: int | None = None) -> list[Span]:
    """The operation (`Queue.put`, `Barrier.wait`) was done at least once, or so many `times`; its spans."""
    found = asking.spans(trace, operation, actor, on)
    if len(found) != times if times is not None else not found:
        whom = f" by {actor}" if actor else ""
        what = f" on {on}" if on else ""
        expected = count(times, "time") if times is not None else "once at least"
        fail(trace, f"{operation}{what} was done {count(len(found), 'time')}{whom}, expected {expected}")
    return found


def _few(names: list[str]) -> str:
    return join(names) if len(names) <= 8 else f"{', '.join(names[:8])} and so on"
