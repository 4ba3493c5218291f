"""Nothing that was recorded is lost when the program or the controller is killed, and nothing is left behind."""

import os
import random
import select
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from crashing import BORN, SIMCORE, Pipe, controller, wait_for_end
from programs import written

import simcore
from simcore.engine.folder import TraceFolder
from simcore.trace.events import Kind, Outcome, Verdict
from simcore.trace.model import Trace

pytest_plugins = ["crash_fixtures"]

WITNESSED = (
    BORN
    + """
import threading
acks = os.open("acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
lock = threading.Lock()
count = 0
def work(me):
    global count
    while True:
        with lock:
            count += 1
            mine = count
        os.write(acks, b"%d %d\\n" % (mine, me))
for me in (1, 2, 3):
    threading.Thread(target=work, args=(me,)).start()
os.write(born, b"counts\\n")
"""
)
"""Three threads count under a lock; what each has counted goes to a file, past simcore, when the lock is given back."""


def check_witness(trace: Trace) -> None:
    """Every count acknowledged stands in the trace as a release, in that order and by that thread; at most one more each."""
    acks = Path("acks").read_text(encoding="ascii") if Path("acks").exists() else ""
    witness = dict(map(int, line.split()) for line in acks.splitlines())
    lock = next((index for index, label in enumerate(trace.object_labels) if label == "lock"), -1)
    c = trace.columns
    taken = [a for a, o, k, v in zip(c.actor, c.object, c.kind, c.value, strict=True) if (o, k, v) == (lock, Kind.ACQUIRE, 1)]
    released = [a for a, o, k in zip(c.actor, c.object, c.kind, strict=True) if (o, k) == (lock, Kind.RELEASE)]
    names = [trace.actors[actor].name for actor in taken]
    assert {number: names[number - 1] for number in witness} == {number: f"main/{me}" for number, me in witness.items()}
    assert max(witness, default=0) <= len(released) <= len(taken) <= max(witness, default=0) + 3
    assert taken[: len(released)] == released


def killed_after(delay_s: float, born: Pipe) -> Trace:
    """Record the witnessed program and kill it that long after it has begun."""
    path = written(WITNESSED)
    with ThreadPoolExecutor(1) as pool:
        recording = pool.submit(simcore.record, path, quiet=True)
        pid = int(born.line())
        select.select([], [], [], delay_s)
        os.kill(pid, signal.SIGKILL)
        return recording.result()


def check_killed(trace: Trace) -> None:
    """A killed program's trace has all that was acknowledged, says that it was cut off, and replays up to there."""
    assert (trace.outcome, trace.ending.exit_code) == (Outcome.KILLED, -signal.SIGKILL)
    assert trace.ending.cut_off == "the program was killed by SIGKILL"
    assert trace.path is not None
    check_witness(Trace.load(trace.path))
    replay = simcore.replay(trace)
    assert replay.verdict is Verdict.SAME, [run.differs or run.divergence for run in replay.runs]


@pytest.mark.parametrize("moment", range(10))
def test_a_killed_program_leaves_every_committed_event(born: Pipe, moment: int) -> None:
    """kill -9 at random moments, held against what the program acknowledged past simcore."""
    check_killed(killed_after(random.Random(moment).uniform(0, 0.1), born))


@pytest.mark.loop
@pytest.mark.parametrize("moment", range(100))
def test_a_hundred_kills(born: Pipe, moment: int) -> None:
    """The same at a hundred moments."""
    check_killed(killed_after(random.Random(1000 + moment).uniform(0, 0.15), born))


def test_a_program_killed_before_its_first_event_leaves_an_empty_trace() -> None:
    """It can be saved and loaded like any other."""
    trace = simcore.record(written("import os\nos.kill(os.getpid(), 9)"), quiet=True)
    assert (trace.outcome, len(trace)) == (Outcome.KILLED, 0)
    assert trace.path is not None
    assert len(Trace.load(trace.path)) == 0


# The controller ----------------------------------------------------------------------------------------------------------------


def test_a_killed_controller_leaves_a_run_that_the_next_command_saves(born: Pipe) -> None:
    """The program goes on; while it runs its folder is left alone, afterwards it becomes a trace with all events, and replays."""
    go = Pipe("go")
    path = written(
        BORN
        + """
        import threading
        lock = threading.Lock()
        with lock:
            os.read(os.open("go", os.O_RDONLY), 1)
        for _ in range(3000):
            with lock:
                pass
        print("went on")
        """.replace("\n        ", "\n")
    )
    with controller("-o", "mine.simtrace", path) as process:
        pid = int(born.line())
        process.kill()
        process.wait()
        assert TraceFolder().recover() == []
        assert len(list(Path(".simtraces/.runs").glob("run-*"))) == 1
        go.write("x")
        wait_for_end(pid)
    assert [path.name for path in TraceFolder().recover()] == ["mine.simtrace"]
    assert TraceFolder().recover() == []
    assert not Path(".simtraces").exists()
    trace = Trace.load("mine.simtrace")
    assert sum(kind == Kind.ACQUIRE for kind in trace.columns.kind) == 3001
    assert (trace.outcome, trace.ending.exit_code) == (Outcome.OK, None)
    assert trace.ending.cut_off == "simcore was killed while it recorded; the program came to its end, its exit code is not known"
    go.write("x")
    assert simcore.replay(trace).verdict is Verdict.SAME
    go.close()


def kill_both(born: Pipe, *options: str) -> None:
    """Have the witnessed program recorded; kill first the controller, then the program."""
    with controller(*options, written(WITNESSED)) as process:
        pid = int(born.line())
        assert born.line() == "counts"
        process.kill()
        process.wait()
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)


def test_both_killed_is_a_trace_up_to_there(born: Pipe) -> None:
    """First the controller, then the program: any command, `list` here, turns what is left into a trace that replays."""
    kill_both(born)
    done = subprocess.run([*SIMCORE, "show", "--header"], capture_output=True, text=True, check=False)
    assert "recovered .simtraces/program-1.simtrace" in done.stderr
    trace = Trace.load(".simtraces/program-1.simtrace")
    assert trace.outcome is Outcome.KILLED
    check_witness(trace)
    assert simcore.replay(trace).verdict is Verdict.SAME


def test_a_recovered_trace_overwrites_nothing(born: Pipe) -> None:
    """What was put where the trace was to go stays; the trace goes to the trace folder."""
    kill_both(born, "-o", "mine.simtrace", "--no-source")
    Path("mine.simtrace").write_bytes(b"mine")
    (made,) = TraceFolder().recover()
    assert made.name == "program-1.simtrace"
    assert Trace.load(made).sources == {}
    assert Path("mine.simtrace").read_bytes() == b"mine"


def test_the_controller_killed_at_the_end_of_the_program(born: Pipe) -> None:
    """Whether it came to save the trace or not: afterwards there is exactly one, and it is whole."""
    path = written(BORN + "import threading\nlock = threading.Lock()\nfor _ in range(3000):\n    with lock:\n        pass\n")
    for number in range(1, 4):
        with controller(path) as process:
            wait_for_end(int(born.line()))
            process.kill()
            process.wait()
        TraceFolder().recover()
        names = sorted(entry.name for entry in Path(".simtraces").glob("*.simtrace"))
        assert names == [f"program-{n}.simtrace" for n in range(1, number + 1)]
        assert sum(kind == Kind.ACQUIRE for kind in Trace.load(f".simtraces/program-{number}.simtrace").columns.kind) == 3000


def test_a_replay_that_lost_its_controller_is_ended() -> None:
    """Nobody gives it turns any more, so the next command ends it; nothing of it is kept."""
    simcore.record(written("import threading\nlock = threading.Lock()\nwith lock:\n    pass\n"), output="a.simtrace", quiet=True)
    words = [*SIMCORE, "replay", "a.simtrace", "--pdb", "program.py:3"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        shown = b""
        while b"(simcore main)" not in shown:
            more = os.read(process.stderr.fileno(), 4096)
            assert more, shown
            shown += more
        process.kill()
        process.wait()
        (run,) = Path(".simtraces/.runs").glob("run-*")
        pid = int((run / "claim").read_text(encoding="ascii"))
        assert Path(f"/proc/{pid}").exists()
        assert TraceFolder().recover() == []
        wait_for_end(pid)
    assert not Path(".simtraces").exists()
