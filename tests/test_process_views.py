"""What a user sees of processes: their lines in the summary, their lanes, words for what they do, and fork set beside spawn."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cli_programs import Run
from pictures import everything, rendered, small
from programs import record
from start_methods import METHODS

import simcore
from simcore.diffing import diff
from simcore.errors import UsageError
from simcore.trace.events import FIXED_OBJECTS, RUNNING, Kind, ObjectKind, Verdict
from simcore.trace.model import ActorInfo, Ending, ObjectInfo, Pending, ProcessInfo, Trace
from simcore.trace.text import path_key
from simcore.trace.words import Words
from simcore.views.deadlock import pending_view
from simcore.views.figures import is_queue, traffic
from simcore.views.lanes import Lanes
from simcore.views.processes import process_facts, processes_of, processes_view
from simcore.views.summary import summary_view

pytest_plugins = ["cli_fixtures"]

FIRST = len(FIXED_OBJECTS)
CHILD, PIPE, LISTENER, SHARED, SEATS, COPY = range(FIRST, FIRST + 6)

PROGRAM = """
    import multiprocessing, sys, threading

    ledger_lock = threading.Lock()

    def work(lock, rounds):
        helper = threading.Thread(target=ledger_lock.acquire, name="helper")
        helper.start()
        helper.join()
        for _ in range(rounds):
            with lock:
                pass
        sys.exit(3)

    if __name__ == "__main__":
        page_lock = multiprocessing.Lock()
        processes = [multiprocessing.Process(target=work, args=(page_lock, 3)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        print(multiprocessing.current_process().name, "saw", [process.exitcode for process in processes])
"""


def of_processes(*events: tuple[int, Kind, int, int, int, int], **changes: object) -> Trace:
    """A trace of main, its thread `helper`, its child main.1 and that one's thread; objects as named above."""
    objects = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS]
    objects += [
        ObjectInfo(0, ObjectKind.CHILD, 1, 1, ""),
        ObjectInfo(0, ObjectKind.CONNECTION, 1, 1, "pipe"),
        ObjectInfo(0, ObjectKind.LISTENER, 1, 1, "door"),
        ObjectInfo(0, ObjectKind.SHARED, 1, 1, "counter"),
        ObjectInfo(0, ObjectKind.PSEMAPHORE, 1, 1, "seats"),
        ObjectInfo(0, ObjectKind.LOCK, 1, 1, "lock", "main.1"),
    ]
    actors = [ActorInfo("main", "MainThread"), ActorInfo("main/1", "helper")]
    actors += [ActorInfo("main.1", "MainThread"), ActorInfo("main.1/1", "helper")]
    processes = [ProcessInfo("main", 70), ProcessInfo("main.1", 71, "spawn")]
    fields = {"objects": objects, "actors": actors, "texts": ["0,2", "", "main.1", "12 bytes, 5e8f"]}
    fields |= {"ending": Ending(exit_code=0, processes=processes)}
    return small(*events, **(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "thing", "value", "past", "present"),
    [
        (Kind.START, CHILD, 2, "started process main.1", "starts process main.1"),
        (Kind.BEGIN, CHILD, 71, "began as process 71", "begins as process 71"),
        (Kind.JOIN, CHILD, 0, "joined main.1 (exit code 0)", "joins main.1 (exit code 0)"),
        (Kind.JOIN, CHILD, -9, "joined main.1 (SIGKILL)", "joins main.1 (SIGKILL)"),
        (Kind.JOIN, CHILD, RUNNING, "gave up on joining main.1", "gives up on joining main.1"),
        (Kind.STATUS, CHILD, RUNNING, "found main.1 running", "finds main.1 running"),
        (Kind.STATUS, CHILD, 3, "found main.1 ended (exit code 3)", "finds main.1 ended (exit code 3)"),
        (Kind.KILL, CHILD, 15, "sent SIGTERM to main.1", "sends SIGTERM to main.1"),
        (Kind.PID, CHILD, 71, "got the pid of main.1: 71", "gets the pid of main.1: 71"),
        (Kind.PARENT, 0, 70, "got the pid of its parent: 70", "gets the pid of its parent: 70"),
        (Kind.WAIT, 14, 2 << 32 | 0x300, "saw main.1 end (exit code 3)", "sees main.1 end (exit code 3)"),
        (Kind.WAIT, 14, 2 << 32 | 9, "saw main.1 end (SIGKILL)", "sees main.1 end (SIGKILL)"),
        (Kind.WAIT, 14, -1, "found no child process ended", "finds no child process ended"),
        (Kind.WAIT, 14, -2, "failed to wait for a child process", "fails to wait for a child process"),
        (Kind.SEND, PIPE, 1200, "sent 1,200 bytes through pipe", "sends 1,200 bytes through `pipe`"),
        (Kind.SEND, PIPE, -1, "failed to send through pipe", "fails to send through `pipe`"),
        (Kind.RECV, PIPE, 1, "received 1 byte from pipe", "receives 1 byte from `pipe`"),
        (Kind.RECV, PIPE, -1, "found the end of pipe", "finds the end of `pipe`"),
        (Kind.RECV, PIPE, -2, "failed to receive from pipe", "fails to receive from `pipe`"),
        (Kind.POLL, PIPE, 0, "found nothing to read in pipe", "finds nothing to read in `pipe`"),
        (Kind.POLL, PIPE, 1, "found something to read in pipe", "finds something to read in `pipe`"),
        (Kind.READY, 0, 0, "found number 0 and 2 ready", "finds number 0 and 2 ready"),
        (Kind.READY, 0, 1, "found none ready", "finds none ready"),
        (Kind.CONNECT, PIPE, 1, "connected to pipe", "connects to `pipe`"),
        (Kind.CONNECT, PIPE, 0, "failed to connect to pipe", "fails to connect to `pipe`"),
        (Kind.ACCEPT, LISTENER, 1, "accepted a connection at door", "accepts a connection at `door`"),
        (Kind.ACCEPT, LISTENER, 0, "failed to accept a connection at door", "fails to accept a connection at `door`"),
        (Kind.READ, SHARED, 77, "read 77 from counter", "reads 77 from `counter`"),
        (Kind.STORE, SHARED, -1, "stored -1 into counter", "stores -1 into `counter`"),
        (Kind.READ, SHARED, 1 << 40, "read from counter", "reads from `counter`"),
        (Kind.STORE, SHARED, -(1 << 63), "failed to store into counter", "fails to store into `counter`"),
        (Kind.VALUE, SEATS, 3, "found seats at 3", "finds `seats` at 3"),
        (Kind.INPUT, CHILD, 3, 'read "12 bytes, 5e8f" from main.1', 'reads "12 bytes, 5e8f" from main.1'),
        (Kind.ENUMERATE, 14, 2, "listed its child processes: main.1", "lists its child processes: main.1"),
        (Kind.ENUMERATE, 14, 1, "listed its child processes: none", "lists its child processes: none"),
        (Kind.EXIT, 14, 0, "ended the process", "ends the process"),
        (Kind.EXIT, 14, 3, "ended the process with exit code 3", "ends the process with exit code 3"),
        (Kind.ACQUIRE, COPY, 1, "took lock@main.1", "takes `lock@main.1`"),
    ],
)
def test_what_processes_do_is_said_in_words(kind: Kind, thing: int, value: int, past: str, present: str) -> None:
    """Each kind reads as a sentence, in the listing and in a diff; a child process goes by its actor's name."""
    trace = of_processes((0, Kind.START, CHILD, 2, 1, 0), (0, kind, thing, value, 2, 0))
    assert Words(trace).event(1) == past
    assert Words(trace, exact=True).action(1) == present


def test_what_somebody_waits_for_is_said_in_words() -> None:
    """Waits that never end are told by what they are for."""
    words = Words(of_processes((0, Kind.START, CHILD, 2, 1, 0)))
    told = [(Kind.JOIN, CHILD), (Kind.RECV, PIPE), (Kind.WAIT, 14), (Kind.ACCEPT, LISTENER), (Kind.ACQUIRE, SEATS)]
    assert [words.operation(kind, thing) for kind, thing in told] == [
        "join main.1",
        "receive from pipe",
        "see a child process end",
        "accept a connection at door",
        "take seats",
    ]


def test_a_copy_says_whose_it_is() -> None:
    """The copy of a lock that a forked child has is told apart from the lock, with its kind, place and owner."""
    words = Words(of_processes((2, Kind.ACQUIRE, COPY, 1, 1, 0)))
    assert words.object_in_full(COPY) == "`lock@main.1` (Lock, buf.py:18, the copy of main.1)"


def test_processes_are_listed_with_what_started_them() -> None:
    """Each process has its pid, start method, time to its first instruction, events and end; threads stand below theirs."""
    trace = of_processes(
        (0, Kind.START, CHILD, 2, 1000, 0),
        (1, Kind.SLEEP, 14, 1, 1200, 0),
        (2, Kind.BEGIN, CHILD, 71, 3100, 0),
        (3, Kind.SLEEP, 14, 1, 3200, 0),
        (0, Kind.JOIN, CHILD, -15, 4000, 900),
    )
    view = processes_view(trace)
    assert view is not None
    assert rendered(view).splitlines() == [
        "process              pid  started by  began after  events  ended with",
        "main                  70                                3  exit code 0",
        '  main/1 "helper"',
        "main.1                71  spawn            2.1 ms       2  SIGTERM",
        '  main.1/1 "helper"',
    ]
    main, child = process_facts(trace)
    assert (main["actors"], main["start_method"], main["start_to_begin_ns"]) == (["main", "main/1"], "", None)
    assert child == {
        "name": "main.1",
        "pid": 71,
        "start_method": "spawn",
        "actors": ["main.1", "main.1/1"],
        "events": 2,
        "started_ns": 1_000_000,
        "begun_ns": 3_100_000,
        "start_to_begin_ns": 2_100_000,
        "exit_code": -15,
    }


def test_what_never_began_has_the_pid_that_its_parent_was_told() -> None:
    """A program that is no Python, or a child killed before its first instruction; a `start` that raised has no process."""
    program = """
        import multiprocessing, subprocess
        subprocess.run(["true"])
        process = multiprocessing.get_context("spawn").Process(target=lambda: None)
        try: process.start()
        except Exception as error: print(type(error).__name__)
    """
    trace = record(program)[0].check()
    main, other, failed = processes_of(trace)
    assert other.pid not in (0, main.pid)
    assert (other.status, other.failed) == (0, False)
    assert (failed.pid, failed.status, failed.failed) == (0, None, True)
    view = processes_view(trace)
    assert view is not None
    assert rendered(view).splitlines()[3].split() == ["main.2", "0", "not", "started"]


def test_an_error_of_many_lines_is_told_in_few() -> None:
    """As that of a program without a guard whose child is spawned: line ends and indents are no part of the sentence."""
    trace = record("raise RuntimeError('\\n        An attempt\\n\\n        was made' + ' to start' * 100 + '.')")[0]
    text = " ".join(rendered(summary_view(trace)).split())
    assert "RuntimeError: An attempt was made to start" in text
    assert "to start. at program.py:1" in text
    assert text.count("to start") < 40


def test_one_process_needs_no_list() -> None:
    """The summary of a program with threads only is what it was."""
    trace = small((0, Kind.SLEEP, 14, 1, 1, 0))
    assert processes_view(trace) is None
    assert "began after" not in rendered(summary_view(trace, in_full=True))


def test_many_processes_are_counted() -> None:
    """Of many processes and threads the first are listed, a parent before its children, and the rest counted."""
    actors = [ActorInfo(name, "") for n in range(30, 0, -1) for name in (f"main.{n}", *(f"main.{n}/{m}" for m in range(1, 10)))]
    trace = of_processes(actors=[ActorInfo("main", ""), *actors], ending=Ending())
    view = processes_view(trace)
    assert view is not None
    lines = rendered(view).splitlines()
    assert [line.split() for line in lines[1:4]] == [["main", "0"], ["main.1", "0"], ["main.1/1"]]
    assert lines[9] == "  and 3 threads more"
    assert lines[10].startswith("main.2 ")
    assert lines[-1] == "and 11 processes more"
    assert [member.name for member in processes_of(trace)][-2:] == ["main.29", "main.30"]


def test_paths_are_sorted_as_a_person_counts() -> None:
    """Ten comes after two, and a child after its parent."""
    names = ["main.10", "main.2.1", "main/1.1", "main.2", "main"]
    assert sorted(names, key=path_key) == ["main", "main.2", "main.2.1", "main.10", "main/1.1"]


@pytest.mark.parametrize("width", [80, 200])
def test_lanes_stand_by_process(width: int) -> None:
    """Actors of one process have neighbouring lanes, whichever of them came first; each process is named with its pid."""
    trace = of_processes(
        (0, Kind.START, CHILD, 2, 1, 0),
        (2, Kind.BEGIN, CHILD, 71, 2, 0),
        (1, Kind.SLEEP, 14, 1, 3, 0),
        (3, Kind.SLEEP, 14, 1, 4, 0),
    )
    trace.actors[1], trace.actors[2] = trace.actors[2], trace.actors[1]
    trace.columns.value[0] = 1
    text = rendered(Lanes(everything(trace)), width=width)
    if width == 80:
        assert text.splitlines()[:2] == ['0 main   1 main/1 "helper"   pid 70', '2 main.1   3 main.1/1 "helper"   pid 71']
    else:
        assert text.splitlines()[0].split() == ["#", "ms", "main", "main/1", '"helper"', "main.1", "main.1/1", '"helper"']


# --- recorded


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    """PROGRAM recorded under each start method."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("runs"))
        return {method: record(PROGRAM, start_method=method)[0].check() for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_a_recording_says_how_its_processes_came_to_be(runs: dict[str, Trace], method: str) -> None:
    """The start method that was asked for is the one that the program used, and each process has a measured birth and an end."""
    trace = runs[method]
    assert trace.header.scenario.start_method == method
    main, *children = processes_of(trace)
    assert (main.name, main.start_method, main.status) == ("main", "", 0)
    assert [(child.name, child.start_method, child.status) for child in children] == [
        ("main.1", method, 3),
        ("main.2", method, 3),
    ]
    assert all(child.took_ns is not None and child.took_ns > 0 for child in children)
    assert len({member.pid for member in (main, *children)} - {0}) == 3
    text = rendered(summary_view(trace, in_full=True))
    assert f"5 threads in 3 processes ({method})" in text
    assert "main.2 " in text
    assert "exit code 3" in text


@pytest.mark.parametrize("method", METHODS)
def test_a_replay_uses_the_recorded_start_method(runs: dict[str, Trace], method: str) -> None:
    """The trace that a replay records of itself has the same processes, started the same way."""
    answer = simcore.replay(runs[method])
    assert answer.verdict is Verdict.SAME
    again = answer.runs[0].trace
    assert [(info.name, info.start_method) for info in again.ending.processes] == [
        (info.name, info.start_method) for info in runs[method].ending.processes
    ]


def test_the_program_may_ask_for_another_method() -> None:
    """`set_start_method` and `get_context` of the program go before what the scenario asks for."""
    source = """
        import multiprocessing
        if __name__ == "__main__":
            print(multiprocessing.get_start_method(allow_none=True))
            multiprocessing.get_context("fork").Process(target=print, args=("a",)).start()
            multiprocessing.set_start_method("fork")
            multiprocessing.Process(target=print, args=("b",)).start()
    """
    trace, ran = record(source, start_method="spawn")
    assert ran.out.splitlines()[0] == b"None"
    assert [info.start_method for info in trace.ending.processes] == ["", "fork", "fork"]


def test_a_method_that_does_not_exist_is_refused() -> None:
    """The error names those that there are."""
    with pytest.raises(UsageError, match="start_method is 'clone', expected fork, spawn, forkserver or None"):
        simcore.record("x.py", start_method="clone")


@pytest.mark.parametrize(("one", "other"), [("fork", "spawn"), ("fork", "forkserver"), ("spawn", "forkserver")])
def test_two_methods_differ_in_order_and_timing_only(runs: dict[str, Trace], one: str, other: str) -> None:
    """Actors have the same names and did the same; what is a copy here and was made there is one thing, and said once."""
    d = diff(runs[one], runs[other])
    names = ("main", "main.1", "main.1/1", "main.2", "main.2/1")
    assert {(actor.name, actor.state) for actor in d.actors} == {(name, "same") for name in names}
    assert not [one for one in d.objects if one.state == "changed"]
    assert d.same_output
    assert d.same_outcome
    assert not d.moved
    assert f"main.1 and main.2 were started by {one} in A, by {other} in B" in d.notes
    copied = [note for note in d.notes if "ledger_lock" in note]
    assert copied == (["`ledger_lock` of child processes: copied in A, made anew in B"] if one == "fork" else [])


def test_a_run_against_itself_is_the_same(runs: dict[str, Trace]) -> None:
    """Nothing of processes makes a trace differ from itself."""
    for trace in runs.values():
        assert diff(trace, trace).verdict is Verdict.SAME


def test_names_of_own_objects_do_not_depend_on_who_was_first(runs: dict[str, Trace]) -> None:
    """Each child's own lock is called after it, under fork and under spawn alike."""
    for trace in runs.values():
        names = {label for label, info in zip(trace.object_labels, trace.objects, strict=True) if info.kind is ObjectKind.LOCK}
        assert {name for name in names if name.startswith("ledger_lock")} == {"ledger_lock@main.1", "ledger_lock@main.2"}


CLOSED = """
    import multiprocessing
    def work(jobs):
        for number in range(6):
            jobs.put(number)
    if __name__ == "__main__":
        jobs = multiprocessing.Queue()
        child = multiprocessing.Process(target=work, args=(jobs,))
        child.start()
        for _ in range(6):
            jobs.get()
        child.join()
"""


def test_what_ends_the_feeder_of_a_queue_is_no_item() -> None:
    """Six were put, six went through; the seventh in the buffer is the library's."""
    trace, _ = record(CLOSED)
    (queue,) = [one for one in traffic(trace) if is_queue(trace, one.object)]
    assert (trace.object_labels[queue.object], queue.hand_offs) == ("jobs", 6)
    assert sum(kind == Kind.GET for kind in trace.columns.kind) == 7


def test_the_command_line_knows_processes(run: Run, here: Path) -> None:
    """--start-method, the list in `show`, `--object` by the maker's name, and process fields in the JSON."""
    (here / "program.py").write_text("\n".join(line[4:] for line in PROGRAM.splitlines()))
    code, _, err = run("record", "--start-method", "fork", "-o", "t.simtrace", "--", sys.executable, "program.py")
    assert code == 0
    assert "5 threads in 3 processes (fork)" in err
    code, out, _ = run("show", "t.simtrace")
    assert code == 0
    assert "began after" in out
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = run("show", "t.simtrace", "--object", "ledger_lock")
    assert "took ledger_lock@main.1" in out
    assert "took ledger_lock@main.2" in out
    code, out, _ = run("show", "t.simtrace", "--json")
    shown = json.loads(out)
    assert shown["summary"]["start_method"] == "fork"
    assert [process["name"] for process in shown["summary"]["processes"]] == ["main", "main.1", "main.2"]
    assert {event["process"] for event in shown["events"]} == {"main", "main.1", "main.2"}
    code, _, err = run("record", "--start-method", "clone", "--", sys.executable, "program.py")
    assert code == 2
    assert "--start-method" in err


def test_a_wait_that_the_program_ended_lasted_until_then() -> None:
    """A pool ends its workers while they stand at its lock: that is said, and no wait until the end of the run is made of it."""
    source = """\
    import multiprocessing as mp
    import sys

    def work(lock):
        lock.acquire()

    if __name__ == "__main__":
        context = mp.get_context("fork")
        lock = context.Lock()
        lock.acquire()
        child = context.Process(target=work, args=(lock,))
        child.start()
        child.terminate()
        child.join()
        sys.exit(3)
    """
    trace, ran = record(source)
    assert ran.code == 3, ran.err
    names, c = [info.name for info in trace.actors], trace.columns
    lock = next(index for index, label in enumerate(trace.object_labels) if label == "lock")
    sent_ns = next(c.at_ns[at] for at in range(len(c)) if c.kind[at] == Kind.KILL)
    # Whether it had come as far as the lock is luck: told as if it had.
    waits = (Kind.ACQUIRE, lock, 0, sent_ns - 2_500_000, False)
    trace.ending.pending = [Pending(names.index(name), *waits) for name in ("main", "main.1")]
    trace.ending.duration_ns = sent_ns + 1_000_000_000
    assert [line.strip() for line in rendered(pending_view(trace)).splitlines()] == [
        "main    waited to take lock for 1.00 s",
        "main.1  waited to take lock for 2.5 ms, until it was ended by the program",
    ]
