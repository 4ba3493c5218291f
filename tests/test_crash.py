"""Nothing that was recorded is lost when the program or the controller is killed, and nothing is left behind."""

import fcntl
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import dedent

import pytest

import simcore
from simcore.engine.folder import TraceFolder
from simcore.errors import UsageError
from simcore.trace.events import Kind, Outcome, Verdict
from simcore.trace.model import Trace

SIMCORE = [sys.executable, "-m", "simcore.cli"]

BORN = """
import os
try:
    born = os.open("born", os.O_WRONLY | os.O_NONBLOCK)
except OSError:
    born = os.open(os.devnull, os.O_WRONLY)
os.write(born, b"%d\\n" % os.getpid())
"""
"""A program's first lines: its number goes into the pipe `born`, unless nobody listens."""

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


def written(source: str, name: str = "program.py") -> str:
    """A program in the working directory; its file name."""
    Path(name).write_text(dedent(source), encoding="utf-8")
    return name


class Pipe:
    """A named pipe that we keep open at both ends: reading waits for the program, and the program never waits for us."""

    def __init__(self, name: str) -> None:
        os.mkfifo(name)
        self._descriptor = os.open(name, os.O_RDWR)
        self._rest = b""

    def line(self) -> str:
        """The next line; waits for it, but not for ever: the program may have failed."""
        while b"\n" not in self._rest:
            assert select.select([self._descriptor], [], [], 60)[0], "the program says nothing"
            self._rest += os.read(self._descriptor, 4096)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def line_within(self, seconds: float) -> None:
        """Skip what comes within this time."""
        select.select([self._descriptor], [], [], seconds)
        os.set_blocking(self._descriptor, False)
        try:
            os.read(self._descriptor, 4096)
        except BlockingIOError:
            pass
        os.set_blocking(self._descriptor, True)

    def write(self, text: str) -> None:
        """Something for the program to read."""
        os.write(self._descriptor, text.encode())

    def close(self) -> None:
        """Nobody needs it any more."""
        os.close(self._descriptor)


@pytest.fixture
def born() -> Iterator[Pipe]:
    """The pipe into which the program says that it runs."""
    pipe = Pipe("born")
    yield pipe
    pipe.close()


def wait_for_end(pid: int) -> None:
    """Return when that process has ended, whose child it may be."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([watched], [], [])
    os.close(watched)


@contextmanager
def controller(*words: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A `simcore record` in a process and a process group of its own."""
    process = subprocess.Popen(
        [*SIMCORE, "record", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


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


def test_both_killed_is_a_trace_up_to_there(born: Pipe) -> None:
    """First the controller, then the program: any command, `list` here, turns what is left into a trace that replays."""
    with controller(written(WITNESSED)) as process:
        pid = int(born.line())
        assert born.line() == "counts"
        process.kill()
        process.wait()
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
    done = subprocess.run([*SIMCORE, "show", "--header"], capture_output=True, text=True, check=False)
    assert "recovered .simtraces/program-1.simtrace" in done.stderr
    trace = Trace.load(".simtraces/program-1.simtrace")
    assert trace.outcome is Outcome.KILLED
    check_witness(trace)
    assert simcore.replay(trace).verdict is Verdict.SAME


def test_a_recovered_trace_overwrites_nothing(born: Pipe) -> None:
    """What was put where the trace was to go stays; the trace goes to the trace folder."""
    with controller("-o", "mine.simtrace", "--no-source", written(WITNESSED)) as process:
        pid = int(born.line())
        assert born.line() == "counts"
        process.kill()
        process.wait()
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
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


# Signals -----------------------------------------------------------------------------------------------------------------------

CLEANS_UP = (
    BORN
    + """
import signal, sys, time
times = 0
def handle(number, frame):
    global times
    times += 1
    raise SystemExit(7)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, handle)
try:
    os.write(born, b"ready\\n")
    while True:
        time.sleep(10)
finally:
    time.sleep(0.7)
    print("cleaned up after", times)
"""
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to_all", [False, True], ids=["controller", "group"])
def test_a_signal_reaches_the_program_once(born: Pipe, number: signal.Signals, to_all: bool) -> None:
    """Sent to the controller alone it is passed on, sent to the group it is not: the program cleans up undisturbed."""
    with controller(written(CLEANS_UP)) as process:
        born.line()
        assert born.line() == "ready"
        if to_all:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        out, err = process.communicate()
    assert out == "cleaned up after 1\n"
    assert process.returncode == 7
    assert "Traceback" not in err
    trace = Trace.load(TraceFolder().latest())
    assert (trace.outcome, trace.ending.exit_code, trace.ending.cut_off) == (Outcome.FAILED, 7, "")


def test_ctrl_c_of_a_program_that_expects_none(born: Pipe) -> None:
    """It ends by KeyboardInterrupt as it does alone, with code 130; the trace is whole and replays."""
    path = written(BORN + 'import threading\nos.write(born, b"ready\\n")\nthreading.Event().wait()\n')
    with controller(path) as process:
        born.line()
        born.line()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.count("KeyboardInterrupt\n") == 1
    trace = Trace.load(TraceFolder().latest())
    assert (trace.outcome, trace.ending.exit_code, trace.ending.cut_off) == (Outcome.KILLED, -signal.SIGINT, "")
    assert simcore.replay(trace).verdict is Verdict.SAME


def test_the_third_ctrl_c_ends_a_program_that_does_not_obey(born: Pipe) -> None:
    """With all that it has started, and still with a trace."""
    path = written(
        BORN
        + """
import signal, subprocess, time
signal.signal(signal.SIGINT, lambda *_: os.write(born, b"no\\n"))
subprocess.Popen(["sleep", "1000"])
os.write(born, b"ready\\n")
while True:
    time.sleep(10)
"""
    )
    with controller(path) as process:
        born.line()
        assert born.line() == "ready"
        while process.poll() is None:  # two at one moment are one
            os.killpg(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):  # not while it cleans up: a fourth would interrupt that
                process.wait(timeout=3.0)
        process.communicate()
    assert process.returncode == 128 + signal.SIGKILL
    assert Trace.load(TraceFolder().latest()).outcome is Outcome.KILLED


def test_a_signal_that_is_ignored_stays_ignored(born: Pipe) -> None:
    """As under nohup: neither the controller nor the program ends."""
    go = Pipe("go")
    path = written(BORN + 'os.read(os.open("go", os.O_RDONLY), 1)\nprint("unharmed")\n')
    words = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *SIMCORE, "record", path]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        born.line()
        os.killpg(process.pid, signal.SIGHUP)
        go.write("x")
        out, _ = process.communicate()
    assert (out, process.returncode) == ("unharmed\n", 0)
    go.close()


# Disks, folders, descriptors, processes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [300_000, 150_000, 100_000, 1_000])
def test_a_full_disk_detaches_the_recorder(limit: int) -> None:
    """The program goes on; the trace says that it was cut off and is a true beginning of the run."""
    path = written(
        f"""
        import os, resource, threading
        lock = threading.Lock()
        counts = [0, 0, 0]
        def work(me):
            for _ in range(4000):
                with lock:
                    counts[me] += 1
        threads = [threading.Thread(target=work, args=(me,)) for me in range(3)]
        if os.path.exists("full"):
            resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert counts == [4000] * 3
        """
    )
    full = Path("full")
    full.touch()
    trace = simcore.record(path, quiet=True)
    full.unlink()
    assert (trace.outcome, trace.ending.exit_code) == (Outcome.OK, 0)
    assert trace.ending.cut_off == "the recorder gave up: [Errno 27] File too large"
    assert 0 < len(trace) < 24_000
    assert trace.path is not None
    assert Trace.load(trace.path).order == trace.order


@pytest.mark.parametrize("folder", [".simtraces", "os.environ['SIMCORE_RUN']"])
def test_a_deleted_run_folder_costs_nothing(folder: str) -> None:
    """The program deletes its run folder, or all traces, in the middle: it goes on, and there is a whole trace."""
    path = written(
        f"""
        import os, shutil, threading, time
        lock = threading.Lock()
        for _ in range(2000):
            with lock: pass
        time.sleep(0.3)
        shutil.rmtree({folder if "environ" in folder else repr(folder)})
        def work():
            for _ in range(2000):
                with lock: pass
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """
    )
    trace = simcore.record(path, quiet=True)
    assert (trace.outcome, trace.ending.cut_off) == (Outcome.OK, "")
    assert sum(kind == Kind.ACQUIRE for kind in trace.columns.kind) == 4000
    assert trace.path is not None
    assert Trace.load(trace.path).order == trace.order


def test_a_trace_that_cannot_be_saved_is_saved_by_the_next_command() -> None:
    """The folder it was to go to is gone at the end: the error says where the recording is kept."""
    Path("out").mkdir()
    with pytest.raises(UsageError, match="cannot write the trace") as raised:
        simcore.record(
            written("import os, threading\nthreading.Lock().acquire()\nos.rmdir('out')\n"), output="out/a.simtrace", quiet=True
        )
    assert "the next simcore command makes a trace of it" in raised.value.hint
    (made,) = TraceFolder().recover()
    assert made.name == "program-1.simtrace"
    assert Trace.load(made).outcome is Outcome.OK


def test_a_child_process_may_outlive_the_program(born: Pipe) -> None:
    """A fork's parent ends: the recording ends with it, and the child goes on unharmed."""
    go, done = Pipe("go"), Pipe("done")
    path = written(
        BORN
        + """
import threading
lock = threading.Lock()
with lock:
    if os.fork() == 0:
        os.read(os.open("go", os.O_RDONLY), 1)
        with threading.Lock():
            os.write(os.open("done", os.O_WRONLY), b"%d\\n" % os.getpid())
        os._exit(0)
"""
    )
    trace = simcore.record(path, quiet=True)
    assert (trace.outcome, trace.ending.cut_off) == (Outcome.OK, "")
    assert sum(kind == Kind.ACQUIRE for kind in trace.columns.kind) == 1
    go.write("x")
    child = int(done.line())
    wait_for_end(child)
    assert child != int(born.line())
    go.close()
    done.close()


def test_a_timeout_ends_all_that_was_started() -> None:
    """A shell, what it runs in the background, and the recorded program: outcome timeout, nobody is left."""
    path = written("import subprocess, threading\nsubprocess.Popen(['sleep', '1000'])\nthreading.Event().wait()\n")
    trace = simcore.record(["sh", "-c", f"sleep 1000 & {sys.executable} {path}; true"], timeout_s=5, quiet=True)
    assert (trace.outcome, trace.ending.cut_off) == (Outcome.TIMEOUT, "")
    assert 5e9 <= trace.ending.duration_ns < 60e9
    assert [(trace.actors[pending.actor].name, pending.timed) for pending in trace.ending.pending] == [("main", False)]


def test_a_deadlock_below_a_shell_is_ended() -> None:
    """The shell and the program below it."""
    path = written("import threading\na = threading.Lock()\na.acquire()\na.acquire()\n")
    trace = simcore.record(["sh", "-c", f"{sys.executable} {path}; true"], quiet=True)
    assert trace.outcome is Outcome.DEADLOCK


def test_a_program_that_outlives_its_command_is_said_to(born: Pipe) -> None:
    """The trace has what it did until then; the program goes on."""
    ready, go = Pipe("ready"), Pipe("go")
    path = written(
        BORN
        + """
import threading
with threading.Lock():
    os.write(os.open("ready", os.O_WRONLY), b"\\n")
os.read(os.open("go", os.O_RDONLY), 1)
"""
    )
    trace = simcore.record(["sh", "-c", f"{sys.executable} {path} & read line < ready"], quiet=True)
    assert (trace.outcome, trace.ending.exit_code) == (Outcome.OK, 0)
    assert trace.ending.cut_off == "the recorded process still ran when its command had ended"
    assert Kind.ACQUIRE in trace.columns.kind
    go.write("x")
    wait_for_end(int(born.line()))
    go.close()
    ready.close()


def test_recordings_at_the_same_time_have_traces_of_their_own() -> None:
    """Eight at once: eight names, eight whole traces."""
    path = written("import threading\nlock = threading.Lock()\nfor _ in range(10):\n    with lock: pass\n")
    with ThreadPoolExecutor(8) as pool:
        traces = list(pool.map(lambda _: simcore.record(path, quiet=True), range(8)))
    assert {trace.path.name for trace in traces if trace.path is not None} == {f"program-{n}.simtrace" for n in range(1, 9)}
    assert {len(Trace.load(trace.path)) for trace in traces if trace.path is not None} == {len(traces[0])}


def test_inherited_descriptors_are_inherited() -> None:
    """`simcore record -- python app.py <(command)` works as without simcore."""
    path = written("import sys\nprint(open(sys.argv[1]).read(), end='')\n")
    words = " ".join([*SIMCORE, "record", "--", sys.executable, path])
    done = subprocess.run(["bash", "-c", f"{words} <(echo from a pipe)"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "from a pipe\n")


def test_two_controllers_do_not_take_over_each_others_run() -> None:
    """A run folder is locked from the moment it can be found."""
    traces = TraceFolder()
    run = traces.new_run()
    assert traces.left_over() == []
    with open(run.path / "lock", "rb") as lock, pytest.raises(OSError, match="temporarily unavailable"):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    run.release()
    (found,) = traces.left_over()
    assert found.path == run.path
    found.remove()
    traces.tidy()
