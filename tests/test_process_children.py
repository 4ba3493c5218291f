"""Child processes: of `multiprocessing`, of `os.fork`, and executed ones; each has actors of its own and replays the same."""

import os
import sys
from pathlib import Path

import pytest
from programs import assert_same, faithful, kinds, plain, record, replay, written
from start_methods import METHODS

from simcore.trace.events import Kind, Outcome
from simcore.trace.model import Trace

CHILD = """
import sys, threading
lock = threading.Lock()
def work():
    for _ in range(3):
        with lock: print("child", sys.argv[1:], flush=True)
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(int(sys.argv[1]))
"""

PROCESSES = """
import multiprocessing, os, signal, sys, threading, time
from multiprocessing.connection import wait
def works(lock, exitcode=0):
    def inside():
        with lock: pass
    threads = [threading.Thread(target=inside) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    sys.exit(exitcode)
def fails(): raise KeyError("in a child")
def waits(): time.sleep(100)
def has_children(context, lock):
    children = [context.Process(target=works, args=(lock, n)) for n in range(2)]
    for child in children: child.start()
    for child in children: child.join()
    print([child.exitcode for child in children], flush=True)
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    lock = context.Lock()
    children = [context.Process(target=works, args=(lock, n), name=f"worker {n}") for n in range(3)]
    print([child.is_alive() for child in children], children[0].exitcode, children[0].pid)
    for child in children: child.start()
    print(sorted(child.name for child in multiprocessing.active_children()) != [], children[0].pid > 0)
    for child in children: child.join()
    print([child.exitcode for child in children], [child.is_alive() for child in children], multiprocessing.active_children())
    children[0].close()
    try: children[0].is_alive()
    except ValueError as error: print(error)
    failing = context.Process(target=fails); failing.start(); failing.join(); print(failing.exitcode)
    sleeping = context.Process(target=waits); sleeping.start(); sleeping.join(0.01)
    print(sleeping.exitcode, sleeping.is_alive(), wait([sleeping.sentinel], 0))
    sleeping.terminate(); sleeping.join(); print(sleeping.exitcode == -signal.SIGTERM, wait([sleeping.sentinel]) != [])
    killed = context.Process(target=waits, daemon=True); killed.start(); killed.kill(); killed.join(); print(killed.exitcode)
    nested = context.Process(target=has_children, args=(context, lock)); nested.start(); nested.join(); print(nested.exitcode)
    left = context.Process(target=waits, daemon=True); left.start(); print("the end")
"""

SUBPROCESSES = """
import os, subprocess, sys
run, python, pipe = subprocess.run, sys.executable, subprocess.PIPE
print(run([python, "child.py", "3"]).returncode, flush=True)
print(run([python, "child.py", "4"], capture_output=True, text=True))
try: run([python, "child.py", "5"], check=True, capture_output=True)
except subprocess.CalledProcessError as error: print(error, error.stdout)
print(subprocess.check_output("echo hello; exit 0", shell=True), subprocess.getoutput("echo a b"))
cat = subprocess.Popen(["cat"], stdin=pipe, stdout=pipe)
print(len(cat.communicate(b"x" * 200_000)[0]), cat.wait(), cat.poll())
first = subprocess.Popen([python, "child.py", "0"], stdout=pipe)
second = subprocess.Popen(["tr", "a-z", "A-Z"], stdin=first.stdout, stdout=pipe, text=True)
first.stdout.close()
for line in second.stdout: print(line, end="")
print(first.wait(), second.wait(), first.pid != os.getpid())
try: run(["no-such-program"])
except FileNotFoundError as error: print(error)
slow = subprocess.Popen([python, "-c", "import time; print('x', flush=True); time.sleep(100)"], stdout=pipe)
while True:
    try: slow.communicate(timeout=0.2)
    except subprocess.TimeoutExpired as error:
        if error.output: print(error.output, slow.poll()); break
slow.terminate(); print(slow.wait(), slow.communicate())
for command in (["sleep", "100"], [python, "-c", "import time; time.sleep(100)"]):
    sleeping = subprocess.Popen(command); print(sleeping.poll())
    try: sleeping.wait(0.01)
    except subprocess.TimeoutExpired: print("not yet")
    sleeping.kill(); print(sleeping.wait(5), sleeping.returncode)
"""

FORKS = """
import atexit, os, signal, sys, threading, time
me, got, lock = os.getpid(), [], threading.Lock()
atexit.register(lambda: print("at exit", os.getpid() == me, flush=True))
def forked(work):
    pid = os.fork()
    if pid == 0:
        if work: print("child", os.getppid() == me, flush=True)
        os._exit(work() if work else time.sleep(100))
    return pid
def status(answer): return os.waitstatus_to_exitcode(answer[1])
pid = forked(lambda: 3); print(os.waitpid(pid, 0) == (pid, 3 << 8), flush=True)
pid = forked(lambda: sys.exit(4)); print(status(os.wait()), flush=True)
pid = forked(None); print(os.waitpid(pid, os.WNOHANG), flush=True)
os.kill(pid, signal.SIGTERM); print(status(os.wait4(pid, 0)), flush=True)
signal.signal(signal.SIGUSR1, lambda *_: got.append("signal"))
def signals():
    os.kill(os.getppid(), signal.SIGUSR1)
    while not got: time.sleep(0.05)
    os._exit(9)
pid = forked(signals)
while not got: time.sleep(0.05)
os.kill(pid, signal.SIGUSR1); print("got one", flush=True)
seen = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT); print(seen.si_pid == pid, seen.si_status, seen.si_code, flush=True)
print(status(os.wait3(0)), flush=True)
for wait in (os.wait, lambda: os.waitpid(pid, 0), lambda: os.kill(pid, 0)):
    try: wait()
    except OSError as error: print(error, flush=True)
def grandchild():
    pid = os.fork()
    if pid == 0: os._exit(1)
    print(status(os.waitpid(pid, 0)), flush=True)
    os._exit(2)
print(status(os.waitpid(forked(grandchild), 0)), flush=True)
print(status(os.waitpid(forked(lambda: os.kill(os.getpid(), signal.SIGKILL)), 0)), flush=True)
pid = forked(None); os.kill(pid, signal.SIGSTOP)
print(os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]), flush=True)
os.kill(pid, signal.SIGKILL); print(status(os.waitpid(pid, 0)), flush=True)
"""

EXECUTED = """
import os, signal, subprocess, sys, threading
python, lock = sys.executable, threading.Lock()
with lock: print("image", len(sys.argv), flush=True)
if len(sys.argv) > 1: os._exit(7)
print(os.system("echo shell; exit 3") >> 8, flush=True)
print(os.system(f"{python} child.py 1 && {python} child.py 2; {python} child.py 3 > nothing") >> 8, flush=True)
pid = os.posix_spawn(python, [python, "child.py", "4"], os.environ); print(os.waitpid(pid, 0)[1] >> 8, flush=True)
pid = os.posix_spawnp("true", ["true"], os.environ); print(os.waitpid(pid, 0)[1], flush=True)
print(os.popen("echo pipe; echo more").read(), flush=True)
for command in (["sh", "-c", "echo in a shell; exit 5"], [python, "child.py", "6"]):
    pid = os.fork()
    if pid == 0: os.execvp(command[0], command)
    print(os.waitpid(pid, 0)[1] >> 8, flush=True)
print(os.spawnv(os.P_WAIT, python, [python, "child.py", "7"]), flush=True)
pid = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "100"); os.kill(pid, signal.SIGTERM); print(os.waitpid(pid, 0)[1], flush=True)
try: os.execv("/no/such", ["x"])
except OSError as error: print(error, flush=True)
shell = subprocess.Popen(f"{python} -u child.py 8; exec sleep 100", shell=True, stdout=subprocess.PIPE)
for _ in range(6): shell.stdout.readline()
shell.kill(); print(shell.wait(), flush=True)
os.execl(python, python, sys.argv[0], "again")
"""


def names(trace: Trace) -> set[str]:
    """The actors that did something."""
    return {event.actor for event in trace}


@pytest.mark.parametrize("recordings", [1, pytest.param(10, marks=pytest.mark.loop)])
@pytest.mark.parametrize("method", METHODS)
def test_processes_of_every_start_method(method: str, recordings: int) -> None:
    """Each does what a plain run does, and replays the same: start, join, exit codes, ends by signals, children of children."""
    words = [written(PROCESSES), method]
    expected = plain(words)
    for _ in range(recordings):
        trace, ran = record(words, switch_interval_s=1e-5)
        assert (ran.out, ran.code) == (expected.out, 0)
        answer, again = replay(trace, times=recordings)
        assert_same(answer)
        assert again.out[: len(ran.out)] == ran.out
    assert {"main.1", "main.1/2", "main.7.1/2"} <= names(trace)
    assert trace.ending.not_controlled == []


def test_a_python_of_subprocess_has_actors_of_its_own() -> None:
    """Its threads and their order are recorded; programs other than Python are inputs, with length and digest of their output."""
    written(CHILD, "child.py")
    expected = plain(SUBPROCESSES)
    trace, ran = record(SUBPROCESSES, switch_interval_s=1e-5)
    assert (ran.out, ran.code) == (expected.out, expected.code)
    assert {"main.1", "main.1/1", "main.1/2", "main.7/2"} <= names(trace)
    texts = [str(trace.texts[event.value]) for event in trace if event.kind is Kind.INPUT and event.actor == "main"]
    assert any(text.startswith("stdout 200000 ") for text in texts)
    assert not any("hello" in text for text in texts)
    answer, again = replay(trace, times=2)
    assert_same(answer)
    assert again.out.endswith(ran.out)
    shown = " ".join(trace.ending.not_controlled)
    assert "cat" in shown or "echo" in shown


def test_what_another_program_writes_is_compared() -> None:
    """A replay in which it writes something else is not the same, and says so."""
    source = """
        import subprocess
        subprocess.run(["cat", "input.txt"], capture_output=True)
        """
    Path("input.txt").write_text("one")
    trace, _ = record(source)
    answer, _ = replay(trace)
    assert_same(answer)
    Path("input.txt").write_text("two")
    answer, _ = replay(trace)
    assert answer.runs[0].differs == "inputs differ"


def test_another_end_of_another_program_is_a_divergence() -> None:
    """Its exit status is a result; replay stops where it is another."""
    source = """
        import subprocess
        print(subprocess.call(["sh", "status.sh"]))
        """
    Path("status.sh").write_text("exit 3")
    trace, _ = record(source)
    Path("status.sh").write_text("exit 4")
    answer, _ = replay(trace)
    divergence = answer.runs[0].divergence
    assert divergence is not None
    assert divergence.reason == "the child ended with 4, in the trace with 3"


def test_raw_forks() -> None:
    """`os.fork` and all the ways to wait for its children, signals both ways, ends by `_exit` and by the interpreter."""
    expected = plain(FORKS)
    trace = faithful(FORKS, replays=2)
    assert (trace.ending.exit_code, trace.ending.not_controlled) == (0, [])
    assert [str(trace.texts[event.value]) for event in trace if event.kind is Kind.WRITE and event.actor == "main"]
    _, ran = record(FORKS)
    assert (ran.out, ran.code) == (expected.out, 0)
    assert {"main.1", "main.5.1"} <= names(trace)


def test_threads_that_fork() -> None:
    """A child has the memory of the moment at which its START is stamped, whatever other threads do meanwhile."""
    source = """
        import os, threading, warnings
        warnings.simplefilter("ignore")
        lock, ends = threading.Lock(), []
        def forks():
            for _ in range(3):
                pid = os.fork()
                if pid == 0:
                    taken = lock.acquire(False)
                    thread = threading.Thread(target=int); thread.start(); thread.join()
                    os._exit(5 + taken)
                end = os.waitpid(pid, 0)[1] >> 8
                with lock: ends.append(end)
        threads = [threading.Thread(target=forks) for _ in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(ends)
        """
    trace = faithful(source, recordings=4, replays=2)
    assert trace.outcome is Outcome.OK


def test_a_fork_warns_of_threads_where_the_program_forks() -> None:
    """From 3.12 on; the warning names the program's own line, once, as in a plain run."""
    source = """
        import os, sys, threading, warnings
        def shown(message, category, filename, lineno, *_): print(category.__name__, os.path.basename(filename), lineno)
        warnings.showwarning = shown
        hold = threading.Event(); thread = threading.Thread(target=hold.wait); thread.start()
        pid = os.fork()
        if pid == 0: os._exit(0)
        os.waitpid(pid, 0); hold.set(); thread.join()
        """
    expected = plain(source)
    assert (b"program.py 6" in expected.out) is (sys.version_info >= (3, 12))
    _, ran = record(source)
    assert ran.out == expected.out


def test_programs_that_os_executes() -> None:
    """system, posix_spawn, spawn and exec: the first Python below each is recorded, the others run as they are."""
    written(CHILD, "child.py")
    expected = plain(EXECUTED)
    trace, ran = record(EXECUTED, switch_interval_s=1e-5)
    assert (ran.out, ran.code) == (expected.out, 7)
    assert {"main.2/1", "main.3/1", "main.7.1/1", "main.8.1/1", "main.10/1", "main.11"} <= names(trace)
    assert "python" in " ".join(trace.ending.not_controlled)
    answer, again = replay(trace, times=2)
    assert_same(answer)
    assert (again.out[-len(ran.out) :], again.code) == (ran.out, 7)


def test_environments_that_the_program_makes() -> None:
    """A child is recorded whatever its `env=`, folder and descriptors are; a hash seed and a path of the program's own stay."""
    Path("deep").mkdir()
    Path("deep/helper.py").write_text("import threading\nlock = threading.Lock()\n")
    source = """
        import os, subprocess, sys
        def run(code, *options, **more):
            print(subprocess.run([sys.executable, *options, "-c", code], capture_output=True, **more).stdout)
        show = "import os, threading\\nwith threading.Lock(): print(os.getcwd()[-4:], os.environ.get('MINE'))"
        run(show, env={})
        run("import os, threading\\nwith threading.Lock(): print(os.environ['PYTHONHASHSEED'])", env={"PYTHONHASHSEED": "77"})
        run("import helper\\nwith helper.lock: print(hash('x') != 0)", env={"PYTHONPATH": "deep", "MINE": "1"})
        run(show, cwd="/", env={"MINE": "1"})
        os.chdir("/"); os.umask(0o777); os.closerange(3, 256)
        run(show, close_fds=False)
        run("import os, threading\\nos.closerange(3, 256)\\nfor _ in range(3000):\\n  with threading.Lock(): pass\\nprint(6)")
        run("print(7)", "-S"); run("print(8)", "-E"); run("print(9)", "-I")
        """
    expected = plain(source)
    trace = faithful(source, replays=2)
    _, ran = record(source)
    assert ran == expected
    for child in range(1, 7):
        assert Kind.ACQUIRE in kinds(trace, f"main.{child}")
    (outside,) = trace.ending.not_controlled
    assert outside.startswith("3 child processes (python")


def test_a_daemon() -> None:
    """A double fork with a session of its own, other folder, no descriptors: recorded to its end while somebody waits for it."""
    source = """
        import os, threading
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            os.chdir("/"); os.umask(0)
            os.closerange(0, w); os.closerange(w + 1, 256)
            for _ in range(3000):
                with threading.Lock(): pass
            os.write(w, b"a daemon"); os._exit(0)
        os.close(w)
        print(os.waitpid(pid, 0) == (pid, 0), os.read(r, 100), os.read(r, 100))
        """
    expected = plain(source)
    trace = faithful(source, replays=2)
    _, ran = record(source)
    assert ran == expected
    assert kinds(trace, "main.1.1").count(Kind.ACQUIRE) == 3000
    assert kinds(trace, "main.1.1")[-1] is Kind.EXIT


def test_a_virtual_environment_of_a_child(tmp_path: Path) -> None:
    """A child that runs in another environment, without simcore in it, is recorded too."""
    home = tmp_path / "venv"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (home / "pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(sys.executable))}\n")
    source = f"""
        import subprocess
        code = "import sys, threading\\nwith threading.Lock(): print(sys.prefix)"
        print(subprocess.check_output([{str(home / "bin" / "python")!r}, "-c", code], text=True))
        """
    trace = faithful(source, replays=1)
    assert Kind.ACQUIRE in kinds(trace, "main.1")
    texts = [str(trace.texts[event.value]) for event in trace if event.kind is Kind.WRITE and event.actor == "main.1"]
    assert texts[0] == str(home)


def test_a_write_is_stamped_before_who_reads_it_acts_on_it() -> None:
    """Lines that an unbuffered child writes and its parent answers at once: what was written is first in the order."""
    source = """
        import subprocess, sys
        echo = "import sys\\nfor line in sys.stdin: print(line.strip())"
        child = subprocess.Popen([sys.executable, "-u", "-c", echo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for turn in range(100):
            child.stdin.write(f"{turn}\\n"); child.stdin.flush()
            print(child.stdout.readline().strip())
        child.stdin.close(); print(child.wait())
        """
    trace = faithful(source, recordings=2, replays=2)
    order = [(event.actor, trace.texts[event.value]) for event in trace if event.kind is Kind.WRITE]
    for turn in range(100):
        assert order.index(("main.1", f"{turn}")) < order.index(("main", f"{turn}"))


GIVEN = """
import multiprocessing, os, sys, traceback
def until(done):
    while not os.path.exists(done): pass
def works(lock):
    open("found", "w").close()
    with lock: print("worked")
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    lock = context.Lock()
    child = context.Process(target=works, args=(lock,))
    child.start()
    if sys.argv[2] == "early": until("found")
    del lock
    open("let go", "w").close()
    child.join()
elif sys.argv[2] == "late":
    # without the first frame: spawn's own command line, which has other descriptors in each run
    sys.excepthook = lambda *error: sys.stderr.writelines(traceback.format_exception(*error)[2:])
    until("let go")
if __name__ == "__main__":
    print(child.exitcode)
"""


@pytest.mark.parametrize(("when", "exitcode"), [("late", b"1"), ("early", b"0")])
def test_a_child_finds_the_lock_that_it_was_given_or_not(when: str, exitcode: bytes) -> None:
    """A lock that its parent has let go of is gone for a child that comes too late: so it is in replay, where nobody waits."""
    trace, ran = record([written(GIVEN), "spawn", when])
    assert ran.out.split()[-1] == exitcode
    assert (b"FileNotFoundError" in ran.err) == (exitcode == b"1")
    assert (Kind.VALUE in kinds(trace, "main.1")) == (exitcode == b"1")
    answer, again = replay(trace)
    assert_same(answer)
    assert (again.out, again.err, again.code) == (ran.out, ran.err, ran.code)
