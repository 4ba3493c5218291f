"""An order of lines that a test names is had in the recording, without luck, or it is said why it cannot be had."""

import re
import sys
from contextlib import nullcontext
from itertools import permutations
from pathlib import Path

import pytest
from programs import two_busy_loops
from start_methods import FORK_AND_SPAWN

from simcore import testing
from simcore.errors import UsageError
from simcore.testing.forcing import OrderStep
from simcore.trace.events import Outcome
from simcore.trace.model import Trace

LOST = """from threading import Thread

balance = 0


def pay_in():
    global balance
    seen = balance
    more = seen + 1
    balance = more


tellers = [Thread(target=pay_in, name=f"teller-{n}") for n in (1, 2)]
for teller in tellers:
    teller.start()
for teller in tellers:
    teller.join()
print("balance", balance)
"""
READ, WRITE = "lost.py:8", "lost.py:10"

PURSE = """import sys
import threading
from multiprocessing import get_context


def take(purse):
    with purse:
        pass


def main(method):
    context = threading if method == "threads" else get_context(method)
    make = threading.Thread if method == "threads" else context.Process
    purse = context.Lock()
    takers = [make(target=take, args=(purse,), name=f"taker-{n}") for n in range(3)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()


if __name__ == "__main__":
    main(sys.argv[1])
"""
TAKERS = ("taker-0", "taker-1", "taker-2")

LINES = """from threading import Lock, Thread

first_lock, second_lock = Lock(), Lock()
said = []


def say(who, what):
    said.append(f"{who} {what}")
    return who


def fail():
    raise ValueError


def take(lock, who, what):
    with lock:
        say(who, what)


def work(who):
    take(first_lock, who, "first")
    take(second_lock, who, "second")
    for round in range(3):
        say(who, round)
    say(
        say(who, "inner"),
        "outer",
    )
    try:
        fail()
    except ValueError:
        say(who, "caught")
    with first_lock, second_lock:
        say(who, "both")


workers = [Thread(target=work, args=(who,), name=who) for who in ("anna", "ben")]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(",".join(said), end="")
"""
_ANNA, _BEN = "anna", "ben"


def at(program: str, text: str) -> int:
    """The number of the first line of a program that has this text."""
    return next(number for number, line in enumerate(program.splitlines(), start=1) if text in line)


def line(text: str) -> str:
    """A line of `lines.py`."""
    return f"lines.py:{at(LINES, text)}"


@pytest.fixture(autouse=True)
def programs(own_folder: Path) -> None:
    """The programs lie in the folder of the test."""
    for name, text in (("lost.py", LOST), ("purse.py", PURSE), ("lines.py", LINES)):
        Path(name).write_text(text)


def written(trace: Trace) -> str:
    """All that a run wrote to stdout."""
    events = testing.events(trace, operation="write", on="stdout")
    return "".join(str(trace.texts[event.value]) for event in events)


@pytest.mark.parametrize(("granularity", "pure"), [("sync", ""), ("access", ""), ("access", "1")])
def test_an_update_is_lost_and_is_not(granularity: str, pure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends of a race come when they are asked for, and a replay that knows of the accesses has them again."""
    monkeypatch.setenv("SIMCORE_PURE", pure)
    one, two = "teller-1", "teller-2"
    for order, balance in (
        ([(one, READ), (two, READ), (one, WRITE), (two, WRITE)], 1),
        ([(two, READ), (two, WRITE), (one, READ)], 2),
    ):
        trace = testing.record("lost.py", order=order, granularity=granularity)
        assert written(trace) == f"balance {balance}\n"
        if granularity == "access":
            testing.assert_replays(trace, times=1)
    assert not Path(".simtraces").exists()


@pytest.mark.parametrize("wanted", list(permutations(TAKERS)))
def test_three_threads_take_a_lock_in_any_order(wanted: tuple[str, ...]) -> None:
    """Each of the six orders is had, and each replay has it again."""
    order = [(taker, f"purse.py:{at(PURSE, 'with purse')}") for taker in wanted]
    trace = testing.record([sys.executable, "purse.py", "threads"], order=order)
    assert testing.takers(trace, "purse") == list(wanted)
    testing.assert_replays(trace, times=1)


@pytest.mark.parametrize("method", FORK_AND_SPAWN)
def test_processes_take_a_lock_in_the_order_asked_for(method: str) -> None:
    """An order goes over processes, whatever starts them; the locks are found in a recording as it comes."""
    wanted = ("taker-2", "taker-0", "taker-1")
    trace = testing.record_in_order([sys.executable, "purse.py", method], "purse", wanted)
    assert testing.takers(trace, "purse") == list(wanted)
    testing.assert_replays(trace, times=1)


@pytest.mark.parametrize(
    ("order", "pairs"),
    [
        # Each takes the first lock, then the other one, at the same line.
        (
            [(_BEN, line("with lock")), (_ANNA, line("with lock")), (_ANNA, line("with lock")), (_BEN, line("with lock"))],
            [("ben first", "anna first"), ("anna second", "ben second")],
        ),
        ([(_ANNA, line("with lock"), 2), (_BEN, line("with lock"), 1)], [("anna first", "ben first")]),
        ([(_BEN, line("with lock"), 2), (_ANNA, line("take(first"))], [("ben first", "anna first")]),
        # A line in what a line calls: the outer one is done when its actor comes to the inner one.
        ([(_ANNA, line("take(first")), (_ANNA, line("with lock")), (_BEN, line("with lock"))], [("anna first", "ben first")]),
        # The fourth time at the head of a loop of three rounds is its end.
        ([(_BEN, line("for round"), 4), (_ANNA, line("for round"), 4)], [("ben 2", "anna inner")]),
        # A statement of several lines is one with its first line; one of the others is itself.
        ([(_BEN, f"lines.py:{at(LINES, 'inner') - 1}"), (_ANNA, line("inner"))], [("ben outer", "anna inner")]),
        ([(_BEN, line("inner")), (_ANNA, line("inner"))], [("ben inner", "anna inner")]),
        # It is over when it raises.
        ([(_BEN, line("        fail()")), (_ANNA, line("        fail()"))], [("ben outer", "anna caught")]),
        ([(_BEN, line("with first_lock, second")), (_ANNA, line("with first_lock, second"))], [("ben both", "anna both")]),
    ],
)
def test_what_a_step_is(order: list[OrderStep], pairs: list[tuple[str, str]]) -> None:
    """The n-th time, loops, calls, statements of several lines, errors: the program itself tells what came first."""
    said = written(testing.record("lines.py", order=order)).split(",")
    assert len(said) == 18
    assert [pair for pair in pairs if said.index(pair[0]) > said.index(pair[1])] == [], said


@pytest.mark.parametrize("wanted", [("anna", "ben"), ("ben", "anna")])
@pytest.mark.parametrize("lock", ["first_lock", "second_lock"])
def test_an_order_of_a_lock_that_is_taken_in_a_shared_line(lock: str, wanted: tuple[str, ...]) -> None:
    """Which time the line takes this lock is found."""
    trace = testing.record_in_order("lines.py", lock, wanted)
    testing.assert_taken(trace, lock, wanted)


FORKS = """import os

def child_or_parent(pid):
    if pid == 0:
        os.write(ready[1], b"c")
        os._exit(0)
    os.write(ready[1], b"p")

ready = os.pipe()
pid = os.fork()
if pid:
    os.write(ready[1], b"P")
else:
    os.write(ready[1], b"C")
child_or_parent(pid)
os.waitpid(pid, 0)
print(os.read(ready[0], 9).decode())
"""


@pytest.mark.parametrize("wanted", ["PCpc", "CcPp", "PpCc", "CPcp", "CPpc"])
def test_a_child_goes_on_in_the_frame_that_forked_it(wanted: str) -> None:
    """After `os.fork` lines of one frame belong to two actors."""
    Path("forks.py").write_text(FORKS)
    lines = [at(FORKS, 'b"' + letter) for letter in wanted]
    order = [("main" if letter in "Pp" else "main.1", f"forks.py:{line}") for letter, line in zip(wanted, lines, strict=True)]
    trace = testing.record("forks.py", order=order)
    assert written(trace) == f"{wanted}\n"


STUCK = """from threading import Event, Lock, Thread
from time import sleep
import sys

lock = Lock()


def work():
    with lock:
        done = True
    if "slow" in sys.argv:
        sleep(0.05)
    if "never" in sys.argv:
        Event().wait(float(sys.argv[2]))
    end = True


workers = [Thread(target=work, name=f"worker-{n}") for n in (1, 2)]
for worker in workers:
    worker.start()
    if "alone" in sys.argv:
        worker.join()
for worker in workers:
    worker.join()
if "traces" in sys.argv:
    sys.settrace(lambda *_: None)
    work()
finished = True
"""


def stuck(text: str) -> str:
    """A line of `stuck.py`."""
    return f"stuck.py:{at(STUCK, text)}"


_ONE, _TWO = "worker-1", "worker-2"


@pytest.mark.parametrize(
    ("order", "words", "told"),
    [
        (
            # The lock is held by the one that waits for the other, who wants it.
            [(_ONE, stuck("done =")), (_TWO, stuck("with lock")), (_ONE, stuck("with lock"), 2)],
            [],
            [
                "step 3 was never done: worker-1 at stuck.py:9, time 2",
                "worker-1 had ended without coming there; the last that it",
            ],
        ),
        (
            [(_TWO, stuck("with lock")), (_ONE, stuck("with lock")), (_TWO, stuck("done ="))],
            [],
            [
                "step 2 was begun but never done: worker-1 at stuck.py:9",
                "worker-2 waited for that at stuck.py:10 (step 3)",
                "everybody waited, and worker-1 waited to take lock at stuck.py:9, which worker-2 had",
            ],
        ),
        (
            [(_TWO, stuck("with lock")), (_ONE, stuck("with lock"))],
            ["alone"],
            ["step 1 was never done: worker-2 at stuck.py:9", "worker-1 waited for that at stuck.py:9", "worker-2 had not begun"],
        ),
        (
            [(_TWO, stuck("end =")), (_TWO, stuck("with lock")), (_ONE, stuck("with lock"))],
            [],
            ["step 1 was never done: worker-2 at stuck.py:15", "worker-2 itself came first to stuck.py:9 (step 2)"],
        ),
        (
            [(_TWO, stuck("sleep(0")), (_ONE, stuck("end ="))],
            [],
            ["worker-1 waited for that at stuck.py:15 (step 2)", "worker-2 had ended without coming there", "released lock at"],
        ),
        (
            [(_ONE, stuck("def work")), (_TWO, stuck("end ="))],
            [],
            ["stuck.py:8 is where work is defined; its body begins at stuck.py:9"],
        ),
        (
            [(_ONE, stuck("end =")), ("main", stuck("    work()")), ("main", stuck("done ="))],
            ["traces"],
            ["step 3 was never done: main", "the program set a trace function of its own"],
        ),
    ],
)
def test_an_order_that_cannot_be_had_is_told(order: list[OrderStep], words: list[str], told: list[str]) -> None:
    """The step that was never done, who waited for it, and what its actor did; the program runs to its end, the trace is kept."""
    Path("stuck.py").write_text(STUCK)
    with pytest.raises(AssertionError) as caught:
        testing.record([sys.executable, "stuck.py", *words], order=order)
    message = str(caught.value)
    assert message.startswith("the order could not be had: step ")
    assert [part for part in told if part not in message] == [], message
    kept = Trace.load(re.findall("kept: simcore show (.*)$", message)[0])
    assert kept.outcome is Outcome.OK


def test_an_order_is_given_up_when_patience_is_at_its_end() -> None:
    """Nobody can know how long an actor computes or waits outside: then the patience counts, from the last step that was done."""
    Path("stuck.py").write_text(STUCK)
    order = [(_ONE, stuck("end =")), (_TWO, stuck("with lock"))]
    with pytest.raises(AssertionError, match="step 1 was never done") as caught:
        testing.record([sys.executable, "stuck.py", "never", "1"], order=order, patience_s=0.3)
    assert "worker-1 waited in Event.wait at stuck.py:14\n" in str(caught.value)
    trace = testing.record([sys.executable, "stuck.py", "never", "0.1"], order=order, patience_s=30)
    assert testing.takers(trace, "lock") == [_ONE, _TWO]


ABBA = """from threading import Lock, Thread

a, b = Lock(), Lock()


def work(first, second):
    with first:
        with second:
            pass


for name, locks in (('one', (a, b)), ('two', (b, a))):
    Thread(target=work, args=locks, name=name).start()
"""
BOTH_HOLD_ONE = [("one", "abba.py:7"), ("two", "abba.py:7"), ("one", "abba.py:8")]


def test_what_the_run_stops_in_may_be_the_last_step() -> None:
    """A deadlock that is asked for comes: its last step never ends."""
    Path("abba.py").write_text(ABBA)
    trace = testing.record("abba.py", order=BOTH_HOLD_ONE)
    assert trace.outcome is Outcome.DEADLOCK
    testing.assert_replays(trace, times=1)


@pytest.mark.parametrize(("waiter", "how"), [("two", "everybody waited"), ("three", "there was a deadlock")])
def test_a_step_that_ends_in_a_deadlock_is_told(waiter: str, how: str) -> None:
    """Somebody waits for a step that never ends: its owner, or somebody else. The run ends in the deadlock all the same."""
    Path("abba.py").write_text(ABBA.replace("(b, a))", "(b, a)), ('three', (Lock(), Lock()))"))
    later = f"abba.py:{at(ABBA, 'with second' if waiter == 'two' else 'with first')}"
    with pytest.raises(AssertionError) as caught:
        testing.record("abba.py", order=[*BOTH_HOLD_ONE, (waiter, later)])
    told = str(caught.value).splitlines()
    assert told[0] == "the order could not be had: step 3 was begun but never done: one at abba.py:8"
    assert told[1] == f"{waiter} waited for that at {later} (step 4)"
    assert told[2:4] == [f"{how}, and one waited to take b at abba.py:8, which two had", "the run ended deadlock"]


@pytest.mark.parametrize(
    ("order", "sentence", "hint"),
    [
        ([], "the order is []", "('desk-2', 'prices.py:30')".replace("'", '"')),
        ("main", "the order is 'main'", "each is an actor and a line"),
        ([("main",)], "a step of the order is ('main',)", "write it as"),
        ([("main", "lost.py")], "a step of the order is at 'lost.py', expected FILE:LINE", "write it as"),
        ([("main", READ, 0)], "its last part is 0", "a number from 1 on"),
        ([("main", READ, 2), ("main", READ, 2)], "its last part is 2", "a number from 3 on"),
        ([("teller-1", "lost.py:7")], "there is no code at lost.py:7, where teller-1 was to come", "are 1, 3, 6, 8, 9 and 10"),
        ([("teller-3", READ)], "there is no actor 'teller-3' in this trace", "did you mean 'teller-"),
        ([("teller-1", "last.py:8")], "there is no file 'last.py' in this trace", "did you mean 'lost.py'"),
    ],
)
def test_names_that_are_not_there_are_told(order: list[OrderStep], sentence: str, hint: str) -> None:
    """Steps that are none, lines without code, actors and files that the run did not have."""
    with pytest.raises(UsageError) as caught:
        testing.record("lost.py", order=order)
    assert sentence in str(caught.value)
    assert hint in caught.value.hint


def test_two_actors_of_one_name_are_told_apart_by_their_paths() -> None:
    """A name that two threads have is refused; their paths do."""
    Path("lost.py").write_text(LOST.replace("teller-{n}", "teller"))
    with pytest.raises(UsageError, match="2 actors are called teller: main/1, main/2") as caught:
        testing.record("lost.py", order=[("teller", READ), ("teller", WRITE)])
    assert caught.value.hint == "name one of them: 'main/1'"
    order = [("main/2", READ), ("main/1", READ), ("main/1", WRITE), ("main/2", WRITE)]
    assert written(testing.record("lost.py", order=order)) == "balance 1\n"


def test_an_error_in_a_program_shows_none_of_our_frames() -> None:
    """The traceback of an exception in a step, and the trace function, are those of a plain run."""
    Path("fails.py").write_text(
        "import sys, threading, traceback\n\n\ndef work():\n    try:\n        int('x')\n    except ValueError:\n"
        "        print(traceback.format_exc().count('File'), sys.gettrace())\n\n\n"
        "thread = threading.Thread(target=work, name='worker')\nthread.start()\nthread.join()\nend = 1\n"
    )
    trace = testing.record("fails.py", order=[("worker", "fails.py:6"), ("worker", "fails.py:8"), ("main", "fails.py:14")])
    assert written(trace) == "1 None\n"


def _race_and_lock(number: int) -> None:
    """One recording of each kind, with its witness."""
    one, two = ("teller-1", "teller-2") if number % 2 else ("teller-2", "teller-1")
    lost = testing.record("lost.py", order=[(one, READ), (two, READ), (one, WRITE), (two, WRITE)], granularity="access")
    assert written(lost) == "balance 1\n"
    wanted = list(permutations(TAKERS))[number % 6]
    method = ("threads", "fork", "threads", "spawn")[number % 4]
    order = [(taker, f"purse.py:{at(PURSE, 'with purse')}") for taker in wanted]
    trace = testing.record([sys.executable, "purse.py", method], order=order)
    assert testing.takers(trace, "purse") == list(wanted)
    if number % 10 == 0:
        testing.assert_replays(lost, times=1)
        testing.assert_replays(trace, times=1)


def test_orders_are_had_beside_busy_processes() -> None:
    """Where processors are short the order is the same; the long loop below is this."""
    with two_busy_loops():
        for number in range(2):
            _race_and_lock(number)


@pytest.mark.loop
@pytest.mark.parametrize("busy", [False, True])
def test_a_hundred_orders(busy: bool) -> None:
    """None of a hundred recordings misses its order."""
    with two_busy_loops() if busy else nullcontext():
        for number in range(50):  # two recordings each
            _race_and_lock(number)
