"""Replay: a faithful one is silent, an unfaithful one says exactly where and why; it never hangs."""

import sys
from array import array
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

import simcore
from simcore.engine.replaying import replay
from simcore.errors import Divergence, NotReplayable, TraceError, UsageError
from simcore.trace.events import Kind, Outcome, Verdict
from simcore.trace.model import Columns, Trace

CONTENDED = """
import sys
from threading import Lock, Thread

lock = Lock()
other = Lock()
order = []


def work(name):
    for _ in range(30):
        with lock:
            order.append(name)
        with other:
            pass


sys.setswitchinterval(1e-5)
threads = [Thread(target=work, args=(name,)) for name in "abc"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("".join(order))
"""


def recorded(source: str, name: str = "program.py") -> Trace:
    Path(name).write_text(source, encoding="utf-8")
    return simcore.record(f"./{name}", quiet=True, timeout_s=60)


def edited(trace: Trace, keep: list[int]) -> Trace:
    """The same trace with the events at these positions only, in this order."""
    columns = Columns()
    for field in ("actor", "kind", "object", "site", "value", "waited_us", "at_ns"):
        source = getattr(trace.columns, field)
        setattr(columns, field, array(source.typecode, [source[position] for position in keep]))
    return replace(trace, columns=columns, spans=[])


def the_divergence(trace: Trace, **options: float) -> Divergence:
    result = replay(trace, **options)  # type: ignore[arg-type]
    assert result.verdict is Verdict.DIFFERENT
    divergence = result.runs[-1].divergence
    assert divergence is not None
    return divergence


def test_a_replay_does_what_was_recorded() -> None:
    """The same events in the same order with the same results, judged by the trace that the replay recorded of itself."""
    trace = recorded(CONTENDED)
    result = replay(trace, times=3)
    assert result.verdict is Verdict.SAME
    for run in result.runs:
        assert run.trace.order == trace.order
        assert list(run.trace.columns.value) == list(trace.columns.value)
        assert [run.trace.texts[i] for i in _writes(run.trace)] == [trace.texts[i] for i in _writes(trace)]


def _writes(trace: Trace) -> list[int]:
    return [event.value for event in trace if event.kind is Kind.WRITE]


def test_a_changed_line_is_a_divergence_or_nothing() -> None:
    """A program that does another operation than recorded is stopped there, and told which line of it did what."""
    trace = recorded(CONTENDED)
    Path("program.py").write_text(
        CONTENDED.replace("        with other:\n            pass", "        with lock:\n            pass")
    )
    divergence = the_divergence(trace)
    assert "other.acquire" in divergence.recorded
    assert "program.py:14 in work" in divergence.recorded
    assert "lock.acquire" in divergence.observed
    assert "program.py:14 in work" in divergence.observed


def test_a_changed_file_is_a_warning_and_strict_refuses() -> None:
    """A comment more changes no event; `strict` wants the very file."""
    trace = recorded(CONTENDED)
    Path("program.py").write_text(CONTENDED + "# a comment\n")
    result = replay(trace)
    assert result.verdict is Verdict.SAME
    assert result.warnings == ("program.py changed since the recording",)
    with pytest.raises(UsageError, match=r"program\.py changed since"):
        replay(trace, strict=True)


def test_a_deadlock_in_a_file_with_a_line_more_is_the_same_deadlock() -> None:
    """The report of it names lines that have moved: no more a difference than any other event's."""
    crossed = "from threading import Lock\n\nlock = Lock()\nlock.acquire()\nlock.acquire()\n"
    trace = recorded(crossed)
    assert trace.outcome is Outcome.DEADLOCK
    Path("program.py").write_text("# a comment\n" + crossed)
    result = replay(trace)
    assert (result.verdict, result.warnings) == (Verdict.SAME, ("program.py changed since the recording",))


def test_a_file_that_is_gone_is_said_to_be() -> None:
    """Of a command it is the command that fails, and looks like a change of the program otherwise."""
    Path("program.py").write_text(CONTENDED)
    trace = simcore.record([sys.executable, "program.py"])
    Path("program.py").unlink()
    assert replay(trace).warnings == ("program.py is gone since the recording",)
    with pytest.raises(UsageError, match=r"program\.py is gone since the recording"):
        replay(trace, strict=True)


def test_an_event_removed_from_a_trace_is_a_divergence() -> None:
    """The run does what the trace no longer has."""
    trace = recorded(CONTENDED)
    gone = next(p for p, kind in enumerate(trace.columns.kind) if kind == Kind.ACQUIRE and trace.columns.actor[p] != 0)
    divergence = the_divergence(edited(trace, [p for p in range(len(trace)) if p != gone]))
    assert divergence.actor == trace.event(gone).actor
    assert "acquire" in divergence.observed


def test_two_independent_events_may_be_swapped() -> None:
    """Operations of two actors on two locks commute: the replay follows the swapped order without complaint."""
    trace = recorded(
        CONTENDED.replace("            order.append(name)", "            time.sleep(0.001)").replace(
            "import sys", "import sys, time"
        )
    )
    c = trace.columns
    for p in range(len(trace) - 1):
        pair = {c.kind[p], c.kind[p + 1]}
        if c.actor[p] != c.actor[p + 1] and c.object[p] != c.object[p + 1] and pair <= {Kind.ACQUIRE, Kind.RELEASE}:
            break
    else:
        pytest.fail("the recording has no two independent neighbours")
    order = list(range(len(trace)))
    order[p], order[p + 1] = order[p + 1], order[p]
    swapped = edited(trace, order)
    result = replay(swapped)
    assert result.verdict is Verdict.SAME
    assert result.runs[0].trace.order == swapped.order


def test_two_contended_acquisitions_swapped_are_a_divergence() -> None:
    """A lock cannot be taken while it is held: replay says so instead of waiting for ever."""
    trace = recorded(CONTENDED)
    c = trace.columns
    takes = [p for p in range(len(trace)) if c.kind[p] == Kind.ACQUIRE and trace.object_labels[c.object[p]] == "lock"]
    a, b = next((a, b) for a, b in pairwise(takes) if c.actor[a] != c.actor[b])
    order = list(range(len(trace)))
    order.remove(b)
    order.insert(a + 1, b)  # b's acquisition right behind a's: the lock is held
    divergence = the_divergence(edited(trace, order), grace_s=1.0)
    assert divergence.actor in (trace.event(a).actor, trace.event(b).actor)


def test_a_thread_that_ends_early_is_told_at_once() -> None:
    """A thread with fewer rounds than recorded: the trace has an operation where it ends."""
    trace = recorded(CONTENDED)
    Path("program.py").write_text(CONTENDED.replace("range(30)", 'range(30 if name != "b" else 20)'))
    divergence = the_divergence(trace)
    assert divergence.actor == "main/2"
    assert divergence.observed.startswith("main:thread2.end")


def test_a_thread_that_never_arrives_is_told_with_its_stack() -> None:
    """An actor that computes or blocks elsewhere does not come to its turn: said after the grace, with where it is."""
    trace = recorded(CONTENDED)
    stuck = "            order.append(name)\n            import os; name == 'b' and os.read(os.pipe()[0], 1)"
    Path("program.py").write_text(CONTENDED.replace("            order.append(name)", stuck))
    divergence = the_divergence(trace, grace_s=2.0)
    assert divergence.actor == "main/2"
    assert "never came" in divergence.observed
    assert "program.py" in divergence.stack
    assert "in work" in divergence.stack


def test_running_past_the_end_is_a_divergence() -> None:
    """A program that does more than recorded is stopped at the first operation more."""
    trace = recorded(CONTENDED)
    Path("program.py").write_text(CONTENDED + "with lock:\n    pass\n")
    divergence = the_divergence(trace)
    assert divergence.actor == "main"
    assert "process.exit" in divergence.recorded
    assert "lock.acquire" in divergence.observed


def test_a_program_that_dies_early_is_a_divergence() -> None:
    """The process is gone before its turns are done."""
    trace = recorded(CONTENDED)
    Path("program.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    divergence = the_divergence(trace)
    assert divergence.recorded.startswith("main:thread1.start")
    assert "signal 9" in divergence.observed


def test_an_added_print_is_a_warning_only() -> None:
    """Writes are no steps: the same operations in the same order are the same run, and the output is said to differ."""
    trace = recorded(CONTENDED)
    Path("program.py").write_text(
        CONTENDED.replace("            order.append(name)", "            order.append(name); print(name)")
    )
    result = replay(trace)
    assert result.verdict is Verdict.SAME
    assert result.runs[0].writes_added == 2 * 90
    assert replay(trace, strict_output=True).verdict is Verdict.DIFFERENT


def test_a_removed_print_is_a_warning_only() -> None:
    """The turn of a write that no longer happens is passed on."""
    trace = recorded(CONTENDED)
    Path("program.py").write_text(CONTENDED.replace('print("".join(order))', "pass"))
    result = replay(trace)
    assert result.verdict is Verdict.SAME
    assert result.runs[0].writes_removed == 2


def test_a_failure_replays_as_a_success() -> None:
    """What is asked of a replay is to do the same again, the exception included."""
    trace = recorded(CONTENDED + "assert order == [], 'they came'\n")
    assert trace.outcome is Outcome.FAILED
    assert trace.ending.error == "AssertionError: they came"
    with pytest.raises(simcore.SimcoreError, match="they came"):
        trace.check()
    result = replay(trace)
    assert result.verdict is Verdict.SAME
    assert result.runs[0].trace.ending.error == trace.ending.error


def test_a_trace_of_another_minor_is_refused_in_one_line() -> None:
    """Found, expected, what to do."""
    trace = recorded("print('hello')\n")
    foreign = replace(trace, header=replace(trace.header, python="3.9.1"))
    with pytest.raises(NotReplayable, match=r"was recorded on Python 3\.9\.1 .* Replay needs 3\.9"):
        replay(foreign)


def test_a_missing_program_is_refused_in_one_line() -> None:
    """The file that was recorded is gone."""
    trace = recorded("print('hello')\n")
    Path("program.py").unlink()
    with pytest.raises(NotReplayable, match=r"program\.py does not exist"):
        replay(trace)


def test_results_refuse_to_be_booleans() -> None:
    """Neither a trace nor a replay nor a verdict is true or false."""
    trace = recorded("print('hello')\n")
    result = replay(trace)
    for thing in (trace, result, result.runs[0], result.verdict):
        with pytest.raises(TypeError, match="neither true nor false"):
            bool(thing)


def test_a_trace_that_is_cut_off_replays_as_far_as_it_is_intact(tmp_path: Path) -> None:
    """How the run ended may be lost: that is no difference. Without any event there is nothing to replay."""
    data = recorded(CONTENDED).save(tmp_path / "whole.simtrace").read_bytes()
    path = tmp_path / "cut.simtrace"
    for lost in range(20, len(data), 20):
        path.write_bytes(data[:-lost])
        trace = Trace.load(path)
        if trace.ending.exit_code is None:
            break
    assert len(trace) > 100
    assert replay(trace).verdict is Verdict.SAME
    while len(trace):
        lost += 20
        path.write_bytes(data[:-lost])
        trace = Trace.load(path)
    with pytest.raises(TraceError, match=r"cut\.simtrace has no events to replay: the file is cut off"):
        replay(trace)
