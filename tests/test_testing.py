"""simcore.testing says what happened in the program's own names, fails with a sentence, and leaves nothing where all is well."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import simcore
from simcore import testing
from simcore.errors import UsageError
from simcore.trace.model import Trace

ROOT = Path(simcore.__file__).parent.parent
PAGE = Path(__file__).parents[1] / "docs" / "testing.md"

TURNS = """
from threading import Event, Lock, Thread

purse, went = Lock(), Event()

def first():
    with purse:
        pass
    went.set()

def second():
    went.wait()
    with purse:
        with_it = True

threads = [Thread(target=second, name="late"), Thread(target=first, name="early")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""

_recorded: list[Trace] = []
"""One recording serves all tests that only look at it."""


@pytest.fixture
def turns(own_folder: Path) -> Trace:
    """A run in which `early` has the purse before `late`, always."""
    Path("turns.py").write_text(TURNS)
    if not _recorded:
        _recorded.append(testing.record("turns.py"))
    return replace(_recorded[0])


def test_every_name_is_on_the_page() -> None:
    """docs/testing.md tells of all that simcore.testing offers."""
    page = PAGE.read_text(encoding="utf-8")
    functions = [name for name in testing.__all__ if name not in ("EventName", "OrderStep")]
    assert [name for name in functions if f"{name}(" not in page and f"`{name}" not in page] == []


def test_who_took_what_before_whom(turns: Trace) -> None:
    """Takers, hand-offs, events and spans are told by thread names and variables."""
    assert testing.takers(turns, "purse") == ["early", "late"]
    assert testing.hand_offs(turns, "purse") == [("early", "late")]
    assert [event.kind.name for event in testing.events(turns, "early", on="purse")] == ["ACQUIRE", "RELEASE"]
    assert [span.operation for span in testing.spans(turns, actor="early")] == ["Event.set"]
    testing.assert_taken(turns, "purse", ["early", "late"])
    testing.assert_handed_over(turns, "purse", "early", "late", times=1)
    testing.assert_handed_over(turns, "purse", "main/2", "main/1")
    testing.assert_ordered(turns, ("early", "release", "purse"), ("late", "acquire", "purse"), ("late", "end"))
    testing.assert_ordered(turns, "turns.py:7", "turns.py:13")
    assert turns.path is None


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda trace: testing.assert_ends(trace, "deadlock", "failed"), "the run ended ok; expected deadlock or failed"),
        (
            lambda trace: testing.assert_ordered(trace, ("late", "acquire", "purse"), ("early", "acquire", "purse")),
            "expected late acquire purse (main/1:",
        ),
        (lambda trace: testing.assert_ordered(trace, ("late", "sleep"), ("late", "end")), "nobody did this: late sleep"),
        (
            lambda trace: testing.assert_taken(trace, "purse", ["late", "early"]),
            "purse was first taken by early then late; expected late then early",
        ),
        (lambda trace: testing.assert_taken(trace, "purse", ["early", "main"]), "taken by early; main never did; expected early"),
        (
            lambda trace: testing.assert_handed_over(trace, "purse", "late", "early"),
            "purse went from late to early 0 times, expected once at least; it was taken by early and late",
        ),
        (
            lambda trace: testing.assert_spans(trace, "Event.wait", "late", times=2),
            "Event.wait was done 1 time by late, expected 2 times",
        ),
    ],
)
def test_a_failed_assertion_says_what_was_found_and_keeps_the_trace(
    turns: Trace, wrong: Callable[[Trace], object], sentence: str
) -> None:
    """One sentence, then the trace to look at, which can be loaded."""
    with pytest.raises(AssertionError) as caught:
        wrong(turns)
    told, kept = str(caught.value).splitlines()
    assert sentence in told
    path = kept.removeprefix("the trace is kept: simcore show ")
    assert path == ".simtraces/turns-1.simtrace"
    assert len(Trace.load(path)) == len(turns)


@pytest.mark.parametrize(
    ("wrong", "sentence", "hint"),
    [
        (lambda trace: testing.takers(trace, "purs"), "there is no object 'purs' in this trace", "did you mean 'purse'?"),
        (lambda trace: testing.events(trace, "erly"), "there is no actor 'erly' in this trace", "did you mean 'early'?"),
        (lambda trace: testing.events(trace, operation="aquire"), "no operation 'aquire'", "did you mean 'acquire'?"),
        (lambda trace: testing.events(trace, operation="Event.wait"), "Event.wait is an operation made of several", "spans()"),
        (lambda trace: testing.spans(trace, "Event.wayt"), "no operation 'Event.wayt'", "did you mean 'Event.wait'"),
        (lambda trace: testing.assert_ends(trace, "fine"), "'fine' is no outcome; expected some of ok, failed", ""),
        (
            lambda trace: testing.assert_ordered(trace, ("late", "end")),
            "1 event to compare, expected 2 or more",
            "assert_ordered",
        ),
        (lambda trace: testing.record(len), "len is not marked with @pattern", "record a plain function as 'module:len'"),
        (lambda trace: testing.record_until(bool, "x.py", max_runs=0), "max_runs is 0, expected 1 or more", ""),
        (lambda trace: testing.record_in_order("turns.py", "purse", ["late"]), "an order of 1 actor was", "name them"),
    ],
)
def test_a_slip_of_the_pen_is_no_passed_test(turns: Trace, wrong: Callable[[Trace], object], sentence: str, hint: str) -> None:
    """Names that the trace does not have are errors of usage, with what was probably meant."""
    with pytest.raises(UsageError) as caught:
        wrong(turns)
    assert sentence in str(caught.value)
    assert hint in caught.value.hint


def test_a_replay_that_is_another_run_fails(own_folder: Path) -> None:
    """A text that differs, and a run that does something else, are told apart."""
    Path("counts.py").write_text(
        "import pathlib, threading\nfile = pathlib.Path('count')\nnumber = int(file.read_text()) if file.exists() else 0\n"
        "file.write_text(str(number + 1))\nprint('run', number)\nlock = threading.Lock()\n"
        "for _ in range(number // 10):\n    lock.acquire()\n    lock.release()\n"
    )
    trace = testing.record("counts.py")
    testing.assert_replays(trace, times=1, output=False)
    with pytest.raises(AssertionError, match="replay 1 of 2 did the same but wrote something else: 1 write with another text"):
        testing.assert_replays(trace, times=2)
    Path("count").write_text("30")
    with pytest.raises(AssertionError, match="replay 1 of 3"):
        testing.assert_replays(trace, output=False)


def test_what_luck_does_not_bring_is_said(own_folder: Path) -> None:
    """After so many runs in vain the assertion says how they ended."""
    Path("turns.py").write_text(TURNS)
    with pytest.raises(AssertionError, match="none of 2 runs was the wanted one: 2 ended ok"):
        testing.record_until(lambda trace: testing.takers(trace, "purse")[0] == "late", "turns.py", max_runs=2)


def test_an_order_of_takers_that_cannot_be_is_said(own_folder: Path) -> None:
    """Who waits for whom is told; an order that a run has by itself is returned as it is."""
    Path("turns.py").write_text(TURNS)
    with pytest.raises(AssertionError) as caught:
        testing.record_in_order("turns.py", "purse", ["late", "early"])
    assert "step 1 was never done: late at turns.py:13\nearly waited for that at turns.py:7 (step 2)" in str(caught.value)
    assert "everybody waited, and late waited in Event.wait at turns.py:12" in str(caught.value)
    assert testing.takers(testing.record_in_order("turns.py", "purse", ["early", "late"]), "purse") == ["early", "late"]
    with pytest.raises(AssertionError, match="main never took purse; it was taken by early and late"):
        testing.record_in_order("turns.py", "purse", ["main", "early"])


def test_it_loads_without_pytest() -> None:
    """Importing simcore.testing loads neither pytest nor unittest; the module with the fixtures loads nothing of simcore."""
    loaded = "import sys; print([name for name in sys.modules if name.partition('.')[0] in ('pytest', 'unittest', '_pytest')])"
    for program, expected in (
        (f"import simcore.testing; {loaded}", "[]"),
        (
            "import pytest, sys; import simcore.pytest_plugin; print([n for n in sys.modules if n.startswith('simcore')])",
            "['simcore', 'simcore.pytest_plugin']",
        ),
    ):
        env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=True)
        assert ran.stdout.strip() == expected
