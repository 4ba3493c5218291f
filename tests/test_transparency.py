"""A recorded program is none the wiser: streams, exit code, tracebacks and what it sees of itself are those of a plain run."""

import os
import re
import sys
from pathlib import Path

import pytest
from programs import Ran, plain, record, written

from simcore.trace.events import Kind, Outcome

PROGRAMS = {
    # How a program ends.
    "ends": "print('hello')",
    "exit int": "import sys; print('x'); sys.exit(3)",
    "exit large int": "import sys; sys.exit(256 + 7)",
    "exit from nested frames": "import sys\ndef f():\n    try: sys.exit(4)\n    finally: print('finally')\nf()",
    "os._exit": "import os, sys; print('lost?'); sys.stdout.flush(); os._exit(5)",
    "killed by itself": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "aborted": "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()",
    "an error": "def f(x): return 1 / x\ntry: {}['key']\nexcept KeyError: f(0)",
    "an error of a class of its own": "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd(3)",
    "a group of errors": "raise ExceptionGroup('many', [ValueError(1), TypeError(2)])",
    "a syntax error": "def f(:",
    "a keyboard interrupt": "raise KeyboardInterrupt",
    "an interrupt by signal": "import signal\nprint('x')\nsignal.raise_signal(signal.SIGINT)\nprint('never')",
    "an error in a thread": """
        import threading
        def work(): raise ValueError("in a thread")
        for name in "ab":
            thread = threading.Thread(target=work, name=name)
            thread.start()
            thread.join()
        print("main goes on")
        """,
    "exit in a thread": "import sys, threading\nt = threading.Thread(target=sys.exit); t.start(); t.join(); print('x')",
    "hooks of its own": """
        import sys, threading
        sys.excepthook = lambda kind, error, trace: print("hook", kind.__name__, error)
        threading.excepthook = lambda args: print("thread hook", args.exc_type.__name__, args.thread.name)
        sys.unraisablehook = lambda args: print("unraisable", args.exc_type.__name__)
        class Loud:
            def __del__(self): raise TypeError
        Loud()
        thread = threading.Thread(target=lambda: 1 / 0, name="T"); thread.start(); thread.join()
        raise ValueError("end")
        """,
    # What it sees of itself.
    "itself": """
        import sys, __main__
        print(sys.argv, __name__, __file__, sorted(vars(__main__)))
        print(sys.flags, sys.path, sys.warnoptions, sys.getswitchinterval(), sys.orig_argv, sys.dont_write_bytecode)
        print(sys.stdout is sys.__stdout__, "sitecustomize" in sys.modules)
        """,
    "names and kinds of the primitives": """
        import _thread, queue, random, sys, threading, time
        lock, relock = threading.Lock(), threading.RLock()
        print(threading.Lock, type(lock), type(relock), isinstance(lock, type(threading.Lock())), type(lock) is _thread.LockType)
        print(threading._allocate_lock is _thread.allocate_lock)
        print(threading.Lock is _thread.allocate_lock, threading._CRLock is _thread.RLock)
        print(queue.SimpleQueue, queue.SimpleQueue[int], time.sleep, time.time, threading.excepthook, sys.stdout)
        for named in (time.sleep, time.localtime, threading.Lock, time.time, threading.Thread.start, queue.Queue.get,
                      threading.Condition.wait, random.seed, threading.Event.is_set, threading.active_count):
            print(named.__name__, named.__qualname__, named.__module__)
        """,
    "signatures": """
        import inspect, queue, signal, threading, time, gc, os
        from concurrent.futures import Future, wait
        for named in (threading.Thread.join, threading.Condition.wait_for, threading.Semaphore.acquire, threading.Barrier.wait,
                      queue.Queue.put, Future.result, wait, signal.signal, gc.collect, os.kill, os.urandom):
            print(inspect.signature(named))
        print(inspect.signature(threading.RLock) if not isinstance(threading.RLock, type) else "a class")
        """,
    "stays picklable": """
        import os, pickle, queue, random, threading, time
        for named in (time.sleep, time.time, os.getpid, os.kill, threading.Thread.start, queue.Queue.get, os.urandom,
                      queue.SimpleQueue, threading.RLock, threading.Lock):
            assert pickle.loads(pickle.dumps(named)) == named, named
        """,
    "locks in all places": """
        import threading, time, weakref
        from threading import Lock
        class Slotted:
            __slots__ = ("lock",)
            def __init__(self): self.lock = Lock()
        class Attributes:
            sleep, now, lock = time.sleep, time.time, threading.Lock
        with Slotted().lock: print("held")
        Attributes().sleep(0)
        print(type(Attributes().now()), type(Attributes().lock()))
        lock = Lock()
        print(weakref.ref(lock)() is lock, {lock: 1}[lock], lock == Lock(), lock.locked(), bool(lock))
        """,
    "subclasses": """
        import _thread, queue, random, threading
        class Worker(threading.Thread):
            log = []
            def start(self): self.log.append("start"); super().start()
            def run(self): self.log.append("run")
            def join(self, timeout=None): self.log.append("join"); super().join(timeout)
            def is_alive(self): self.log.append("alive"); return super().is_alive()
        worker = Worker(name="w"); worker.start(); worker.join(); print(worker.is_alive(), worker.log, worker.name)
        class Without(threading.Thread):
            def __init__(self): pass
        try: Without().start()
        except RuntimeError as error: print(error)
        class Deep(_thread.RLock):
            def __enter__(self): print("enter"); return super().__enter__()
        with Deep() as got: print(got)
        class Condition(threading.Condition):
            def notify(self, n=1): print("notify", n); super().notify(n)
        with Condition() as c: pass
        condition = Condition()
        with condition: condition.notify(); condition.notify_all()
        class Stack(queue.Queue):
            def _init(self, maxsize): self.items = []
            def _put(self, item): self.items.append(item)
            def _get(self): return self.items.pop()
            def _qsize(self): return len(self.items)
        stack = Stack(); stack.put(1); stack.put(2); print(stack.get(), stack.get(), stack.empty())
        class Simple(queue.SimpleQueue):
            def __init__(self, name): self.name = name
            def put(self, item): super().put((self.name, item))
        simple = Simple("s"); simple.put(3); print(simple.get())
        class Dice(random.Random):
            def seed(self, a=None, version=2): print("seed", a); super().seed(a, version)
        print(Dice(3).random())
        class Semaphore(threading.Semaphore):
            def acquire(self, *a, **k): print("acquire"); return super().acquire(*a, **k)
            __enter__ = acquire
        with Semaphore(): pass
        class Local(threading.local):
            x = 1
        local = Local(); local.x = 2
        thread = threading.Thread(target=lambda: print(local.x)); thread.start(); thread.join(); print(local.x)
        """,
    "errors of what is wrapped": """
        import queue, threading, time, traceback
        from concurrent.futures import ThreadPoolExecutor
        def fail(): raise ValueError("in a worker")
        def shown(function, *args, **kwargs):
            try: function(*args, **kwargs)
            except Exception: traceback.print_exc()
        with ThreadPoolExecutor(1) as pool: future = pool.submit(fail)
        shown(future.result)
        shown(queue.Queue().get, timeout=0.001)
        shown(queue.Queue().get_nowait)
        shown(queue.SimpleQueue().get, timeout=0.001)
        shown(queue.SimpleQueue().get, timeout="x")
        shown(queue.SimpleQueue().get, timeout=-1)
        shown(threading.Condition().wait)
        shown(threading.Condition().notify)
        shown(threading.BoundedSemaphore().release)
        shown(threading.Semaphore, -1)
        shown(threading.Barrier(2).wait, 0.001)
        for seconds in (-1, "x", None, float("nan"), 1e300): shown(time.sleep, seconds)
        shown(time.sleep)
        shown(time.localtime, "x")
        shown(time.strftime, "%Y", 3)
        shown(time.clock_gettime, 12345)
        """,
    "other errors of what is wrapped": """
        import copy, datetime, gc, os, pickle, queue, random, signal, sys, traceback
        def shown(function, *args, **kwargs):
            try: function(*args, **kwargs)
            except Exception: traceback.print_exc()
        shown(datetime.datetime.now, 3)
        shown(random.seed, [])
        shown(random.Random, [])
        shown(os.urandom, -1)
        shown(os.urandom, "x")
        shown(os.kill, os.getpid(), 99999)
        shown(signal.signal, 99999, print)
        shown(signal.signal, signal.SIGKILL, print)
        shown(signal.signal, signal.SIGUSR1, "x")
        shown(signal.getsignal, 0)
        shown(pickle.dumps, queue.SimpleQueue())
        shown(copy.deepcopy, queue.SimpleQueue())
        shown(sys.stdout.write, 3)
        shown(print, "\\udcff")
        """,
    "warnings": """
        import datetime, threading, warnings
        warnings.simplefilter("always")
        datetime.datetime.utcnow()
        threading.Event().isSet()
        threading.currentThread()
        with threading.Condition() as c: pass
        condition = threading.Condition()
        with condition: condition.notifyAll()
        warnings.warn("mine")
        """,
    # What it writes and reads.
    "writes of all kinds": """
        import contextlib, io, sys
        print("a", end="", flush=True)
        sys.stdout.buffer.write(b"B"); sys.stdout.flush(); print("c")
        sys.stdout.writelines(["1\\n", "2\\n"]); print("\\u00e9\\u4e2d", "x" * 20000)
        print("\\udcff", file=sys.stderr)
        try: print("\\udcff")
        except UnicodeEncodeError as error: print(error)
        with contextlib.redirect_stdout(io.StringIO()) as kept: print("kept")
        print(repr(kept.getvalue()))
        class Text(str): pass
        print(Text("sub"), sys.stdout.write(Text("y\\n")))
        sys.stdout.reconfigure(encoding="latin-1", errors="replace", line_buffering=True); print("\\u4e2d\\u00e9")
        sys.stdout.reconfigure(encoding="utf-8", newline="\\r\\n"); print("crlf"); sys.stdout.reconfigure(newline="\\n")
        stream = sys.stdout
        print(stream.encoding, stream.errors, stream.newlines, stream.line_buffering, stream.write_through, stream.name)
        print(stream.mode, stream.fileno(), stream.isatty(), stream.writable(), stream.readable())
        print(type(stream).__name__, isinstance(stream, io.TextIOWrapper))
        print(sys.stderr.encoding, sys.stderr.errors, sys.stderr.line_buffering, sys.stderr.write_through, sys.stderr.mode)
        sys.stderr.write("no newline"); sys.stdout.write("no newline")
        """,
    "streams replaced": """
        import io, sys
        print("x")
        sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="utf-16", line_buffering=True)
        print("y")
        sys.stderr = None
        raise ValueError("nobody hears it")
        """,
    "streams closed": """
        import sys
        print("x")
        sys.stdout.close()
        try: print("y")
        except ValueError as error: print(error, file=sys.stderr)
        """,
    "no streams": "import sys\nsys.stdout = None\nprint('nothing')\nsys.stderr = None\nraise ValueError('x')",
    "stdin": "import sys\nprint(input('? '), sys.stdin.readline(), list(sys.stdin), sys.stdin.read())",
    "at exit": """
        import atexit, threading
        lock = threading.Lock()
        def last():
            with lock: print("last")
        atexit.register(last)
        print("first")
        """,
    "from many threads": """
        import threading
        def work(n): print("line of", n)
        for n in range(20):
            thread = threading.Thread(target=work, args=(n,)); thread.start(); thread.join()
        """,
    # Other processes.
    "forks": """
        import os, queue, sys, threading, warnings
        warnings.simplefilter("ignore")
        lock, deep, stop = threading.Lock(), threading.RLock(), threading.Event()
        def busy():
            while not stop.is_set():
                with lock: pass
        thread = threading.Thread(target=busy); thread.start()
        for end in (os._exit, sys.exit):
            pid = os.fork()
            if pid == 0:
                with threading.Lock(), deep: pass
                items = queue.Queue()
                worker = threading.Thread(target=items.put, args=(3,)); worker.start(); worker.join()
                print("child", items.get(), threading.active_count(), os.getpid() != os.getppid()); sys.stdout.flush()
                end(7)
            print("parent", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])); sys.stdout.flush()
        stop.set(); thread.join()
        """,
    "starts other programs": """
        import os, subprocess, sys
        again = "import threading, sys; l = threading.Lock(); l.acquire(); print(type(l), sys.stdin.read().upper())"
        print(subprocess.run([sys.executable, "-c", again], input="text", capture_output=True, text=True))
        print(subprocess.run([sys.executable, "-c", "1/0"], capture_output=True, text=True))
        print(subprocess.run([sys.executable, "-I", "-c", "print(3)"], capture_output=True, text=True, env={}))
        sys.stdout.flush(); os.system("echo shell"); print(os.popen("echo pipe").read())
        """,
    "replaces itself": """
        import os, sys, threading
        with threading.Lock(): print("image", len(sys.argv), flush=True)
        if len(sys.argv) == 1: os.execv(sys.executable, [sys.executable, *sys.argv, "again"])
        thread = threading.Thread(target=print, args=("last",)); thread.start(); thread.join()
        """,
    # What it does to its surroundings.
    "leaves its folder": """
        import os, sys, tempfile, threading
        os.chdir(tempfile.mkdtemp(dir=sys.path[0])); os.umask(0o777)
        os.unlink(__file__)
        def work(lock=threading.Lock()):
            with lock: pass
        for _ in range(3000): work()
        os.rmdir(os.getcwd())
        thread = threading.Thread(target=work); thread.start(); thread.join()
        1 / 0
        """,
    "garbage": """
        import gc
        print(gc.isenabled(), gc.get_threshold()); gc.disable(); print(gc.isenabled()); gc.enable(); print(gc.isenabled())
        gc.freeze(); gc.unfreeze(); gc.set_threshold(50, 5, 5); print(gc.get_threshold(), gc.collect(0))
        for bad in (7, "x"):
            try: gc.collect(bad)
            except (ValueError, TypeError) as error: print(error)
        """,
    "imports in threads": """
        import threading
        modules = ["json", "decimal", "fractions", "argparse", "csv", "statistics", "xml.dom.minidom", "email.message"] * 2
        def load(name): __import__(name)
        threads = [threading.Thread(target=load, args=(name,)) for name in modules]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        import sys; print(all(name in sys.modules for name in modules))
        """,
}


def shown(ran: Ran) -> Ran:
    """What a run gave, without addresses, which differ between two plain runs too."""
    return Ran(*(re.sub(rb"0x[0-9a-f]{6,}", b"0x...", text) for text in (ran.out, ran.err)), ran.code)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_recorded_program_does_what_a_plain_one_does(name: str) -> None:
    """Bytes on stdout and stderr and the exit code."""
    source = PROGRAMS[name]
    expected = plain(source, stdin=b"first\nsecond\nthird\n")
    trace, ran = record(source, stdin=b"first\nsecond\nthird\n")
    assert shown(ran) == shown(expected)
    assert trace.ending.exit_code == expected.code
    assert (trace.outcome is Outcome.OK) == (expected.code == 0)


@pytest.mark.parametrize(
    "options",
    [["-u", "-X", "dev"], ["-W", "error", "-O"], ["-W", "always", "-bb"], ["-X", "utf8", "-P", "-s", "-B", "-q"]],
    ids=" ".join,
)
def test_options_of_the_interpreter(options: list[str]) -> None:
    """They reach the program, and simcore does not trip over them."""
    source = """
        import sys, threading, queue, random, datetime, concurrent.futures
        print(sys.flags, sys.warnoptions, sys._xoptions, sys.path[0], sys.stdout.write_through)
        with concurrent.futures.ThreadPoolExecutor(2) as pool: print(list(pool.map(abs, [-1, 2])))
        thread = threading.Thread(target=print, args=("thread",)); thread.start(); thread.join()
        """
    words = [*options, written(source)]
    assert record(words)[1] == plain(words)


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "latin-1:xmlcharrefreplace", "PYTHONUNBUFFERED": "1"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONDEVMODE": "1", "PYTHONSAFEPATH": "1", "PYTHONHASHSEED": "77"},
    ],
    ids=lambda env: next(iter(env)),
)
def test_settings_in_the_environment(env: dict[str, str]) -> None:
    """They reach the program, and simcore does not trip over them."""
    source = r"""
        import sys
        print(sys.stdout.encoding, sys.stdout.errors, sys.flags, list({"a", "b", "c", "d"}))
        print("\u00e9\u4e2d".encode("utf-8", "surrogateescape"))
        print("\u00e9\u4e2d")
        """
    words = [written(source)]
    assert record(words, env=env)[1] == plain(words, env=env)


@pytest.mark.parametrize(
    "words",
    [
        ["-c", "import sys; print(sys.argv, __name__, sys.path[0])", "an", "argument"],
        ["-c", "import threading\ndef f(): raise ValueError\nt = threading.Thread(target=f, name='t'); t.start(); t.join()"],
        ["-m", "package", "an", "argument"],
        ["-m", "package.module"],
        ["package", "an"],
        ["./nested/script.py", "an", "--argument=x"],
        ["-"],
    ],
    ids=["command", "command with a thread", "package", "module", "folder", "script", "stdin"],
)
def test_ways_to_start_a_program(words: list[str]) -> None:
    """As a command, module, package, folder, script or from stdin: argv, path and __main__ are those of a plain run."""
    Path("package").mkdir()
    Path("nested").mkdir()
    look = "import sys, __main__\nprint(sys.argv, __name__, __package__, sys.path[0], sorted(vars(__main__)), __spec__)\n"
    for place in ("package/__main__.py", "package/module.py", "nested/script.py"):
        Path(place).write_text(look + "1 / 0\n")
    Path("package/__init__.py").write_text("import threading; lock = threading.Lock(); print('package', __name__)\n")
    assert shown(record(words, stdin=look.encode())[1]) == shown(plain(words, stdin=look.encode()))


def test_customization_of_the_users_own() -> None:
    """`sitecustomize` and `usercustomize` run once, under their names, before the program; what they make is recorded."""
    Path("site").mkdir()
    Path("site/sitecustomize.py").write_text("import threading; lock = threading.Lock(); mark = 1; print('site', __name__)\n")
    words = [
        written("import sitecustomize, sys\nprint(sitecustomize.__file__, sitecustomize.mark)\nwith sitecustomize.lock: pass\n")
    ]
    env = {"PYTHONPATH": str(Path("site").absolute())}
    expected = plain(words, env=env)
    trace, ran = record(words, env=env)
    assert ran == expected
    assert [event.object for event in trace if event.kind is Kind.ACQUIRE] == ["main:lock1"]


def test_a_virtual_environment(tmp_path: Path) -> None:
    """A program in another environment, without simcore in it, is recorded with that environment's packages."""
    home = tmp_path / "venv"
    site = home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    site.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (home / "pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(sys.executable))}\n")
    (site / "only_here.py").write_text("import threading; lock = threading.Lock()\n")
    written("import only_here, sys\nwith only_here.lock: print(sys.prefix)\n")
    import simcore

    trace = simcore.record([str(home / "bin" / "python"), "program.py"], quiet=True)
    assert trace.outcome is Outcome.OK
    texts = [trace.texts[event.value] for event in trace if event.kind is Kind.WRITE]
    assert texts[0] == str(home)


def test_forked_children_have_actors_of_their_own() -> None:
    """What a child does is its own actors' doing; its copies of its parent's locks are objects of its own."""
    trace, _ = record(PROGRAMS["forks"])
    assert trace.outcome is Outcome.OK
    assert {info.name for info in trace.actors} == {"main", "main/1", "main.1", "main.1/1", "main.2", "main.2/1"}
    assert trace.ending.not_controlled == []
    shared = {event.object for event in trace if event.kind is Kind.ACQUIRE and event.actor.startswith("main.")}
    assert shared.isdisjoint(event.object for event in trace if event.kind is Kind.ACQUIRE and event.actor == "main")


def test_what_orders_threads_and_processes_unseen_is_named() -> None:
    """A lock of the file system, and an asyncio loop that another thread wakes: they work as ever."""
    source = """
        import asyncio, fcntl, signal, traceback
        async def main(): print(await asyncio.to_thread(len, "abc"))
        asyncio.run(main())
        with open("one", "w") as one, open("one", "w") as other:
            fcntl.flock(one, fcntl.LOCK_EX)
            try: fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError: traceback.print_exc()
            def alarm(number, frame): raise TimeoutError
            signal.signal(signal.SIGALRM, alarm)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            try: fcntl.flock(other, fcntl.LOCK_EX)
            except TimeoutError: print("given up")
        """
    expected = plain(source)
    trace, ran = record(source)
    assert ran == expected
    assert trace.ending.not_controlled == ["1 asyncio loop (woken by another thread)", "1 file lock (fcntl.flock)"]
    alone, _ = record("import asyncio\nasyncio.run(asyncio.sleep(0))\n")
    assert alone.ending.not_controlled == []
