"""What a recording meets outside of the program, a full disk, a deleted folder, processes that stay, costs no trace."""

import fcntl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from crashing import BORN, SIMCORE, Pipe, wait_for_end
from programs import written

import simcore
from simcore.engine.folder import TraceFolder
from simcore.errors import UsageError
from simcore.trace.events import Kind, Outcome
from simcore.trace.model import Trace

pytest_plugins = ["crash_fixtures"]


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
