"""Races on a program's own data, really recorded: each is known as what it is, and correct programs are silent."""

from __future__ import annotations

import pytest
from programs import record
from race_data import CORRECT, RACY
from test_locks import VARIANTS

import simcore
from simcore.analysis import Answer
from simcore.trace.events import Outcome

EXPECTED = {
    ("Account.called", "lost update", "yes"),
    ("counts['a']", "lost update", "yes"),
    ("total", "lost update", "yes"),
    ("count", "lost update", "yes"),
    ("Account.half", "lost update", "yes"),
    ("Account.augmented", "lost update", "no"),
    ("Account.plain", "lost update", "no"),
    ("Account.left", "check-then-act", "yes"),
    ("seen", "check-then-act", "yes"),
    ("instance", "double-checked locking", "yes"),
    ("finished", "read-write", "yes"),
    ("Early.ready", "publish before init", "yes"),
}
"""What the racy program is known for: place, mistake, whether it is possible under a GIL."""

MAY = {
    *(("Account.left", "read-write", "yes"), ("instance", "read-write", "yes"), ("instance", "check-then-act", "yes")),
    *(("registry", "read-write", "yes"), ("list", "read-write", "yes")),  # `while not registry:`
}
"""Further pairs of lines of the same places, which it depends on the run whether its threads came by."""


def _racy() -> None:
    trace, ran = record(RACY, granularity="access")
    assert trace.outcome is Outcome.OK, ran.err
    found = simcore.races(trace)
    told = {(race.place, race.mistake.value, race.possible.value) for race in found.races}
    assert told - MAY == EXPECTED
    assert found.answer is Answer.FOUND


def _correct() -> None:
    trace, ran = record(CORRECT, granularity="access")
    assert trace.outcome is Outcome.OK, ran.err
    found = simcore.races(trace)
    assert [(race.place, race.sides) for race in found.races] == []
    assert found.answer is Answer.NONE
    assert found.looked_at > 50


def test_each_race_is_known_as_what_it_is() -> None:
    """By name, and by whether this interpreter can let it happen; what a lock guards and what only appends is none."""
    _racy()


def test_correct_programs_are_silent() -> None:
    """Conditions, readers and writers, pools, queues, barriers, hand over hand, lazy values, timers, workers of all sorts."""
    _correct()


@pytest.mark.loop
@pytest.mark.parametrize("part", range(4))
def test_they_are_told_alike_in_every_run(part: int) -> None:
    """Both, ten times."""
    for _ in range(10):
        _racy()
        _correct()


RACY_PATTERNS = {"data-race": "fixed", "double-checked-locking": "fixed"}
"""Patterns that race, with the parameter that keeps them from it."""

CORRECT_PATTERNS: list[tuple[str, dict[str, object]]] = [
    *((name, values) for name, values in VARIANTS if name not in RACY_PATTERNS and values.get("style") not in ("own", "raw")),
    *((name, {fix: True}) for name, fix in RACY_PATTERNS.items()),
    ("threads-in-processes", {}),
    ("bounded-semaphore", {}),
    ("event", {}),
    ("thread-local", {}),
    ("thread-subclass", {}),
    ("recursive-mutex", {}),
]


@pytest.mark.loop
@pytest.mark.parametrize(("name", "parameters"), CORRECT_PATTERNS, ids=str)
def test_patterns_without_a_race_are_silent(name: str, parameters: dict[str, object]) -> None:
    """Recorded with their accesses, ten times each."""
    for _ in range(10):
        trace = simcore.record(name, params=parameters, quiet=True, granularity="access")
        assert [(race.place, race.sides) for race in simcore.races(trace).races] == []
