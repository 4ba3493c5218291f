"""Diffs of runs with accesses: what a trace keeps of them and how it numbers places is the schedule's, and no difference."""

from __future__ import annotations

from pathlib import Path

import pytest
from accesses import THREADS, story

from simcore.diffing import diff
from simcore.testing import record
from simcore.trace.events import Verdict

PROGRAM = """\
from threading import Lock, Thread


class Box:
    def __init__(self):
        self.lock = Lock()
        self.late = 0
        self.names = {}


def work(box, name):
    with box.lock:
        if box.names and name == "one":
            box.late += 1
        box.names[name] = True


box = Box()
threads = [Thread(target=work, args=(box, name), name=name) for name in ("one", "two")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
LOCK, LAST = "box.py:12", "box.py:15"


def test_runs_part_where_their_order_does_and_not_where_one_trace_has_a_place_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the second thread to come makes `late` shared; the dict is named after the first. They part at the lock."""
    monkeypatch.chdir(tmp_path)
    Path("box.py").write_text(PROGRAM)
    a = record("box.py", order=[("one", LAST), ("two", LOCK)], granularity="access")
    b = record("box.py", order=[("two", LAST), ("one", LOCK)], granularity="access")
    for first, second, letter in ((a, b, "B"), (b, a, "A")):
        found = diff(first, second)
        assert found.verdict is Verdict.DIFFERENT
        assert found.split is not None
        assert found.split.why == "order"
        assert "`lock`" in found.split.sentence or "box.lock" in found.split.sentence, found.split.sentence
        (names,) = [one for one in found.objects if one.label == "dict"]
        assert names.state != "same"
        assert names.operations_a == names.operations_b
        (note,) = [note for note in found.notes if "Box.late" in note]
        assert note.startswith(f"accesses only {letter} has are not compared")


def test_a_place_that_only_one_trace_has_is_a_difference_where_there_is_no_other() -> None:
    """Then nothing else says that an actor did more, and no note takes it back."""
    plain = story(*THREADS, "main/1 acquire lock :1", "main/1 release lock :1")
    more = story(*THREADS, "main/1 acquire lock :1", "main/1 release lock :1", "main/1 assign a.x :2", "main/2 load a.x :3")
    found = diff(plain, more)
    assert found.verdict is Verdict.DIFFERENT
    assert found.split is not None
    assert not found.notes
    assert diff(more, more).verdict is Verdict.SAME


def test_a_run_without_accesses_is_compared_by_what_both_have() -> None:
    """Recorded at two granularities the same run is the same, but for what only one of them records."""
    lines = [*THREADS, "main/1 acquire lock :1", "main/1 release lock :1"]
    found = diff(story(*lines, granularity="sync"), story(*lines, "main/1 assign a.x :2", "main/2 load a.x :3"))
    assert found.order is Verdict.SAME
    assert any("only B has" in note for note in found.notes)
