"""The built-in patterns of processes: plain, recorded, replayed and diffed under every start method."""

import subprocess
import sys
from pathlib import Path

import pytest
from programs import assert_same
from start_methods import FORK_AND_FORKSERVER, FORK_AND_SPAWN, METHODS
from test_patterns_plain import POINTS, ROOT

import simcore
from simcore.diffing import diff
from simcore.trace.events import Kind, ObjectKind, Outcome, Verdict
from simcore.trace.model import Trace
from simcore.views.processes import processes_of

SMALL: dict[str, dict[str, object]] = {
    "process": {},
    "process-lock": {"workers": 3, "rounds": 3},
    "process-pool": {"workers": 2, "tasks": 4},
    "process-queue": {"text": "pipe"},
    "shared-value-array": {"rounds": 10},
    "manager": {},
    "remote-manager": {"numbers": 4},
    "threads-in-processes": {},
    "process-pipe": {},
    "named-shared-memory": {"pause_s": 0.002},
    "shared-memory-manager": {},
    "process-pool-executor": {"tasks": 4},
    "fork-while-locked": {"fixed": True},
    "rng-after-fork": {"fixed": True},
}
"""Each pattern with parameters that keep it short."""

FIXED = ("process", "process-lock", "shared-value-array")
"""Patterns whose actors do the same in any two runs; in the others luck decides who gets how much to do."""

CASES = [
    pytest.param(name, method, marks=() if method == "fork" or name in FIXED else pytest.mark.loop)
    for name in SMALL
    for method in METHODS
]
"""Under the two slower methods the default run takes those that tell them apart; `-m loop` takes the others too."""

_traces: dict[tuple[str, str], Trace] = {}


def recorded(name: str, method: str) -> Trace:
    """The recording of a pattern under a start method, made once for all tests."""
    if (name, method) not in _traces:
        _traces[name, method] = simcore.record(
            name, params=SMALL[name], start_method=method, switch_interval_s=1e-5, timeout_s=60, quiet=True
        ).check()
    return _traces[name, method]


@pytest.mark.parametrize(("name", "method"), CASES)
def test_a_pattern_keeps_its_invariants_without_simcore(name: str, method: str) -> None:
    """Its asserts hold and every process of it ends, started by an ordinary Python in any way."""
    module, function = POINTS[name], name.replace("-", "_")
    program = (
        f"import multiprocessing\nmultiprocessing.set_start_method({method!r})\n"
        f"from {module} import {function}\n{function}(**{SMALL[name]!r})\n"
    )
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(("name", "method"), CASES)
def test_a_pattern_is_replayed_the_same(name: str, method: str) -> None:
    """Replays of a recording do the same in the same order, with the same results and output."""
    trace = recorded(name, method)
    assert {member.start_method for member in processes_of(trace)[1:]} == {method}
    answer = simcore.replay(trace, times=2 if method == "fork" else 1)
    assert_same(answer)


@pytest.mark.parametrize(("one", "other"), [("fork", "spawn"), ("fork", "forkserver"), ("spawn", "forkserver")])
@pytest.mark.parametrize("name", FIXED)
def test_two_methods_differ_in_order_and_timing_only(name: str, one: str, other: str) -> None:
    """The actors of a pattern do the same things to the same objects whatever starts its processes."""
    d = diff(recorded(name, one), recorded(name, other))
    assert {actor.name for actor in d.actors if actor.only_a or actor.only_b} == set()
    assert [thing.label for thing in d.objects if thing.state == "changed"] == []
    assert d.same_outcome


@pytest.mark.parametrize(
    "name", ["process-queue", *(pytest.param(name, marks=pytest.mark.loop) for name in sorted({*SMALL} - {*FIXED}))]
)
def test_two_methods_have_the_same_processes(name: str) -> None:
    """Processes have the same names under all start methods, and the diff of two says how each was started."""
    for other in ("spawn", "forkserver"):
        d = diff(recorded(name, "fork"), recorded(name, other))
        names = [[member.name for member in processes_of(trace)] for trace in (d.trace_a, d.trace_b)]
        assert names[0] == names[1]
        assert any(f"started by fork in A, by {other} in B" in note for note in d.notes)
        assert d.same_outcome
        assert diff(d.trace_b, d.trace_b).verdict is Verdict.SAME


@pytest.mark.parametrize("method", FORK_AND_SPAWN)
def test_updates_of_a_shared_value_get_lost_again(method: str) -> None:
    """A recording that lost updates is replayed with the same ones lost; it is what the pattern declares of these styles."""
    for style in ("raw", "own"):
        trace = simcore.record(
            "shared-value-array", params={"style": style, "rounds": 40}, start_method=method, timeout_s=60, quiet=True
        ).check()
        assert_same(simcore.replay(trace))


@pytest.mark.parametrize("method", FORK_AND_FORKSERVER)
def test_a_pool_is_terminated_again(method: str) -> None:
    """Workers that are ended in the middle of a task are ended at the same place in replay."""
    params = {"workers": 2, "tasks": 2, "terminate": True}
    trace = simcore.record("process-pool", params=params, start_method=method, timeout_s=60, quiet=True).check()
    assert_same(simcore.replay(trace))


def test_process_shows_what_a_child_begins_with() -> None:
    """A forked child finds its parent's word in its list, one that imports the module anew does not; the parent keeps its own."""
    spelt = {
        method: next(str(text) for text in recorded("process", method).texts if "speller has" in str(text)) for method in METHODS
    }
    assert spelt == {"fork": "speller has minehello", "spawn": "speller has hello", "forkserver": "speller has hello"}


def test_the_lock_of_a_module_is_another_in_each_spawned_process() -> None:
    """With lock=module a forked child takes its parent's lock, a spawned one its own, and diff says so once."""
    runs = {
        method: simcore.record(
            "process-lock", params={"workers": 2, "rounds": 1, "lock": "module"}, start_method=method, timeout_s=60, quiet=True
        ).check()
        for method in ("fork", "spawn")
    }
    taken = {
        method: {
            trace.object_labels[thing]
            for kind, thing in zip(trace.columns.kind, trace.columns.object, strict=True)
            if kind == Kind.ACQUIRE and trace.objects[thing].kind is ObjectKind.PLOCK
        }
        for method, trace in runs.items()
    }
    assert taken["fork"] == {"module_lock", "alone"}
    assert taken["spawn"] - {"intruder.cond"} == {"module_lock@main.1", "module_lock@main.2", "alone"}
    notes = diff(runs["fork"], runs["spawn"]).notes
    assert [note for note in notes if "module_lock" in note] == ["`module_lock`: one for all processes in A, one in each in B"]


RELAY = '''
import multiprocessing

from simcore.api import pattern


def add(baton, legs):
    for _ in range(legs):
        with baton:
            print(multiprocessing.current_process().name)


@pattern
def relay(runners: int = 2, legs: int = 2) -> None:
    """A pattern in a file of its own."""
    baton = multiprocessing.Lock()
    processes = [multiprocessing.Process(target=add, args=(baton, legs), name=f"runner-{n}") for n in range(runners)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * runners
'''


@pytest.mark.parametrize("method", METHODS)
def test_a_pattern_of_a_single_file_starts_processes(method: str) -> None:
    """Children find the functions of a file given by --plugin, also where they import everything anew."""
    Path("relay.py").write_text(RELAY)
    trace = simcore.record("relay", plugins=["relay.py"], start_method=method, timeout_s=60, quiet=True)
    assert trace.outcome is Outcome.OK, trace.ending.error
    assert {actor.name: actor.thread_name for actor in trace.actors[1:]} == {"main.1": "runner-0", "main.2": "runner-1"}
    assert_same(simcore.replay(trace))
