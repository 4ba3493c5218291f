"""What a replay is held against: the events of the recording, and how it ended."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic

from simcore.engine.compare import Compared, compare, equal_events
from simcore.trace.events import Kind, Outcome
from simcore.trace.model import Trace


def again(text: str = "") -> Trace:
    """The same run as ever, whose first output is this text if there is one."""
    trace = synthetic.build(events=200)
    if text:
        trace.texts[trace.columns.value[trace.columns.kind.index(Kind.WRITE)]] = text
    return trace


def test_the_same_events_are_all_the_same() -> None:
    """Nothing differs, and all events are counted."""
    assert compare(again(), again()) == Compared("", 200, 0)


@pytest.mark.parametrize("text", ["", "something else\n"], ids=["equal to the number", "other texts"])
def test_another_end_is_told_behind_the_same_events(text: str) -> None:
    """It makes no difference to what is told whether the traces had to be compared row by row."""
    recorded, replayed = again(), again(text)
    replayed.ending = replace(replayed.ending, outcome=Outcome.FAILED, exit_code=1)
    told = compare(recorded, replayed)
    assert (equal_events(recorded, replayed), told.writes_changed > 0) == (not text, bool(text))
    assert (told.differs, told.matched) == ("outcome failed instead of ok", len(recorded))


def test_events_are_counted_up_to_the_first_other_one() -> None:
    """A lock was got that was not before: all that came before is the same."""
    recorded, replayed = again(), again()
    kinds = replayed.columns.kind
    at = kinds.index(Kind.ACQUIRE)
    replayed.columns.value[at] += 1
    told = compare(recorded, replayed)
    assert told.matched < at + 1
    assert told.differs.startswith(f"{told.matched} of ")
