"""Threads that import the same modules for the first time at the same moment: the same thread executes each of them again."""

from pathlib import Path

import pytest
from programs import assert_same, faithful, plain, record, replay, two_busy_loops, written

import simcore
from simcore.trace.events import Kind, Outcome
from simcore.trace.model import Trace

MODULES = {
    "ring_a.py": """
import threading
lock = threading.Lock()
with lock: pass
import ring_b
with lock: first = ring_b.__name__
""",
    "ring_b.py": """
import threading
lock = threading.Lock()
with lock: pass
import ring_a
with lock: second = getattr(ring_a, "first", None)
import ring_c
""",
    "ring_c.py": """
import threading
lock = threading.Lock()
with lock: pass
import ring_a, ring_b
with lock: third = sorted(name for name in vars(ring_a) if name[0] != "_")
""",
    "pack/__init__.py": """
import threading
lock = threading.Lock()
with lock: pass
from . import left
from .right import value
""",
    "pack/left.py": """
import threading
from pack import lock
own = threading.Lock()
with lock:
    with own: pass
""",
    "pack/right.py": """
import threading, pack
own = threading.Lock()
with own: value = 1
from pack import left
""",
    "pack/deep/__init__.py": """
import threading
own = threading.Lock()
with own: pass
""",
    "pack/deep/est.py": """
from . import own
from .. import left
with own: pass
""",
    "broken.py": """
import threading
lock = threading.Lock()
for _ in range(50):
    with lock: pass
raise ValueError("broken")
""",
}

OWN_MODULES = """
import threading
lock = threading.Lock(); done = []
NAMES = "ring_a ring_b ring_c pack.deep.est pack.right pack.left broken pack missing pack.missing".split()
def work(n):
    own = threading.Lock()
    for name in NAMES[n:] + NAMES[:n]:
        try:
            module = __import__(name, fromlist=["x"])
            with lock: done.append((n, name, sorted(key for key in vars(module) if key[0] != "_")))
        except Exception as error:
            with lock: done.append((n, name, str(error).split(" at ")[0]))
        with own: pass
threads = [threading.Thread(target=work, args=(n % 4 * 2,)) for n in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
for one in done: print(one)
"""

STANDARD_LIBRARY = """
import threading
lock = threading.Lock(); done = []
NAMES = (
    "_strptime json concurrent.futures.thread xml.dom.minidom xml.etree.ElementTree decimal fractions email.message html.parser"
    " unittest.mock missing.at_all"
).split()
def work(n):
    own = threading.Lock()
    for name in NAMES[n:] + NAMES[:n]:
        try:
            __import__(name)
        except ImportError as error:
            with lock: done.append((n, str(error)))
        with own: pass
    import datetime
    with lock: done.append(n)
    print(datetime.datetime.strptime("2020", "%Y"))
threads = [threading.Thread(target=work, args=(n % 3,)) for n in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(done)
"""

HEAD = """
import sys, threading, traceback
from threading import Barrier, Event, Thread
def together(*functions):
    threads = [Thread(target=function) for function in functions]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def write_modules(modules: dict[str, str]) -> None:
    """Put them where the program looks for them."""
    for name, source in modules.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")


def imported(trace: Trace) -> list[tuple[str, str]]:
    """Who imported what, and how it went on where it neither executed it nor found it ready."""
    return [(event.actor, str(trace.texts[event.value])) for event in trace if event.kind is Kind.IMPORT]


@pytest.mark.parametrize("source", [OWN_MODULES, STANDARD_LIBRARY], ids=["own modules", "standard library"])
def test_threads_that_import_the_same_at_the_same_moment_do_so_again(source: str) -> None:
    """Packages, rings, modules that fail and modules that are missing: every replay is the same."""
    write_modules(MODULES)
    faithful(source, recordings=3)


@pytest.mark.loop
@pytest.mark.parametrize("busy", [False, True], ids=["alone", "beside busy loops"])
@pytest.mark.parametrize("source", [OWN_MODULES, STANDARD_LIBRARY], ids=["own modules", "standard library"])
def test_hundreds_of_such_replays_are_the_same(source: str, busy: bool) -> None:
    """What goes wrong once in some hundred replays is seen here."""
    write_modules(MODULES)
    if busy:
        with two_busy_loops():
            faithful(source, recordings=100, replays=3)
    else:
        faithful(source, recordings=200, replays=3)


def test_an_event_for_each_module_that_is_executed_beside_a_thread() -> None:
    """What is imported before the first thread, what is ready, and who waits make none; the output is the plain run's."""
    write_modules({"one.py": "", "two.py": "import one, three", "three.py": "import two", "early.py": "import one"})
    source = HEAD + "import early\ndef work(): import two\ntogether(work, work)\nimport two, three; print(sorted(vars(two)))"
    trace, ran = record(source)
    names = [name for _, name in imported(trace)]
    assert sorted(names) == ["three", "two"]
    assert (ran.out, ran.err, ran.code) == (plain(source).out, b"", 0)
    assert not [event for event in trace if event.kind is Kind.IMPORTED]


def test_a_ring_that_two_threads_enter_at_two_ends() -> None:
    """One of them goes on with the other's module unfinished, as Python does, and finds in replay what it found."""
    write_modules(
        {
            "meet.py": "import threading\nbarrier = threading.Barrier(2)",
            "north.py": "import meet\nmeet.barrier.wait()\nimport south\nseen = 'end' in vars(south)\nend = 1",
            "south.py": "import meet\nmeet.barrier.wait()\nimport north\nseen = 'end' in vars(north)\nend = 1",
        }
    )
    source = """
import meet
def go_north(): import north; print("north saw the end of south:", north.seen)
def go_south(): import south; print("south saw the end of north:", south.seen)
together(go_north, go_south)
"""
    trace = faithful(HEAD + source, recordings=4, replays=2)
    assert [name.partition(", ")[2] for _, name in imported(trace) if "," in name] == ["unfinished"]


def test_an_import_that_python_refuses_since_it_would_wait_for_itself() -> None:
    """The same thread gets the same error from the same place."""
    write_modules({"shell/__init__.py": "import shell.core\n", "shell/core.py": "value = 1\n"})
    source = """
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_file_location
begun, missed = Event(), Event()
class Slow(SourceFileLoader):  # it makes the package once the other thread, which has begun to import a part of it, has missed it
    def create_module(self, spec):
        begun.set(); missed.wait()
class Finder:
    def find_spec(self, name, path=None, target=None):
        file = "shell/__init__.py"
        return spec_from_file_location(name, file, loader=Slow(name, file)) if name == "shell" else None
def watch(event, args):
    if event == "import" and args[0] == "shell" and threading.current_thread().name == "part":
        missed.set()
sys.meta_path.insert(0, Finder())
sys.addaudithook(watch)
def attempt(name):
    try:
        __import__(name); print(threading.current_thread().name, "has imported", name)
    except Exception as error:
        print(threading.current_thread().name, type(error).__name__, str(error).split(" at ")[0])
        print([(entry.name, entry.lineno) for entry in traceback.extract_tb(error.__traceback__)])
def whole(): attempt("shell")
def part(): begun.wait(); attempt("shell.core")
threads = [Thread(target=whole, name="whole"), Thread(target=part, name="part")]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    trace = faithful(HEAD + source, recordings=4, replays=2)
    assert "deadlock" in [name.partition(", ")[2] for _, name in imported(trace)]


def test_a_module_that_fails_while_others_wait_for_it() -> None:
    """Each of them executes it itself or goes on with what is left of it, as it was when it was recorded."""
    write_modules({"broken.py": MODULES["broken.py"]})
    source = """
barrier = Barrier(5)
def work():
    for attempt in range(4):
        barrier.wait()
        try:
            import broken
            print(threading.current_thread().name, attempt, sorted(name for name in vars(broken) if name[0] != "_"))
        except ValueError as error:
            places = [entry.name for entry in traceback.extract_tb(error.__traceback__)]
            print(threading.current_thread().name, attempt, error, places)
together(*[work] * 5)
"""
    faithful(HEAD + source, recordings=4, replays=2)


def test_a_module_that_two_threads_reload() -> None:
    """They execute it in the same order again."""
    write_modules(
        {"counted.py": "import threading\ncount = globals().get('count', 0) + 1\nprint(threading.current_thread().name, count)"}
    )
    source = """
import importlib, counted
def work():
    for _ in range(10): importlib.reload(counted)
together(work, work)
"""
    faithful(HEAD + source, recordings=3, replays=2)


def test_a_module_that_is_imported_in_another_place_than_recorded() -> None:
    """Nobody waits for ever for the one who imported it then: imports are no steps, and the replay is the same."""
    write_modules({"first.py": "import second\n", "second.py": "value = 1\n"})
    source = """
begun = Event()
def one():
    import first
    begun.set()
def two():
    begun.wait()
    import second
    print(second.value)
together(one, two)
"""
    trace, ran = record(HEAD + source)
    assert ran.out == b"1\n"
    assert imported(trace) == [("main/1", "first"), ("main/1", "second")]
    write_modules({"first.py": "value = 2\n"})
    answer, again = replay(trace)
    assert_same(answer)
    assert again.out == ran.out


def test_a_thread_that_a_module_waits_for_while_the_thread_imports_the_module() -> None:
    """It hangs in a plain run; the recording is ended, and its replay comes to the same."""
    begin = "from threading import Thread\nthread = Thread(target=__import__, args=('waits',))\n"
    write_modules({"waits.py": begin + "thread.start()\nthread.join()"})
    trace = simcore.record(written("import waits"), quiet=True, timeout_s=2)
    assert trace.outcome is Outcome.TIMEOUT
    assert_same(simcore.replay(trace, quiet=True))
