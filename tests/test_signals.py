"""Python signal handlers: an event where they ran, a sub-actor for what they did, the same in replay."""

from itertools import pairwise

import pytest
from programs import assert_same, faithful, kinds, plain, record, replay, written

from simcore.trace.events import Kind, Outcome

START = """
import os, queue, signal, sys, threading, time, traceback
from concurrent.futures import Future
class Stop(Exception): pass
def stop(number, frame): raise Stop
orders, main = queue.SimpleQueue(), threading.get_ident()
def is_in(wait):
    frame = sys._current_frames()[main]
    while frame is not None and frame.f_code is not wait.__code__: frame = frame.f_back
    return frame is not None
def send():
    for wait, number, after in iter(orders.get, None):
        while not is_in(wait): pass
        time.sleep(0.02); os.kill(os.getpid(), number); time.sleep(0.01); after()
def soon(wait, number=signal.SIGUSR1, after=lambda: None): orders.put((wait, number, after))
sender = threading.Thread(target=send, daemon=True); sender.start()
lock, deep, event, items, simple = threading.Lock(), threading.RLock(), threading.Event(), queue.Queue(), queue.SimpleQueue()
lock.acquire()
full, seats, barrier, future = queue.Queue(1), threading.Semaphore(0), threading.Barrier(2), Future()
full.put(1)
condition, on_lock, got, held = threading.Condition(), threading.Condition(threading.Lock()), threading.Event(), threading.Event()
def hold():
    with deep: got.set(); held.wait()
holder = threading.Thread(target=hold); holder.start(); got.wait()
others = [threading.Thread(target=held.wait) for _ in range(2)]
for other in others: other.start()
def with_lock():
    with lock: pass
def with_rlock():
    with deep: pass
def in_condition(timeout=None):
    with condition: condition.wait(timeout)
def in_condition_on_a_lock():
    with on_lock: on_lock.wait_for(lambda: False, 60)
def in_barrier(): barrier.wait()
def compute():
    while True: pass
"""

RAISING = """
signal.signal(signal.SIGUSR1, stop)
for wait in (
    with_lock, with_rlock, in_condition, in_condition_on_a_lock, in_barrier, compute,
    lambda: signal.pause(), lambda: seats.acquire(), lambda: event.wait(),
    lambda: lock.acquire(), lambda: lock.acquire(timeout=60), lambda: deep.acquire(), lambda: deep.acquire(True, 60),
    lambda: time.sleep(60), lambda: in_condition(60), lambda: event.wait(60), lambda: seats.acquire(timeout=60),
    lambda: items.get(), lambda: items.get(timeout=60), lambda: full.put(2), lambda: full.join(),
    lambda: simple.get(), lambda: simple.get(timeout=60), lambda: future.result(), lambda: others[0].join(),
    lambda: others[1].join(60),
):
    soon(wait)
    try: wait()
    except Stop as error:
        traceback.print_exc(file=sys.stdout)
        print(error.__context__)
    if wait is in_barrier: barrier.reset()
held.set(); holder.join()
"""

RETURNING = """
def handler(number, frame): print("arrived", number, frame.f_code.co_filename, frame.f_lineno)
signal.signal(signal.SIGUSR1, handler)
for wait, after in (
    (lambda: lock.acquire(), lock.release), (with_lock, lock.release), (lambda: simple.get(), lambda: simple.put(1)),
    (lambda: items.get(), lambda: items.put(1)), (lambda: event.wait(), event.set), (lambda: in_condition(0.2), int),
    (lambda: time.sleep(0.2), int), (lambda: others[0].join(), held.set), (lambda: signal.pause(), int),
):
    soon(wait, after=after); wait()
    if wait is not with_lock and lock.locked(): lock.release()
    lock.acquire(False)
print("done"); holder.join()
"""


def test_a_handler_that_raises_in_a_wait() -> None:
    """Its error comes out of the wait with the traceback of a plain run, recorded and replayed."""
    source = START + RAISING
    expected = plain(source)
    assert expected.out.count(b"Traceback") == 26
    assert (expected.err, expected.code) == (b"", 0)
    trace, ran = record(source)
    assert ran == expected
    answer, again = replay(trace)
    assert_same(answer)
    assert again == expected


def test_a_handler_that_returns_in_a_wait() -> None:
    """What it interrupted goes on; it is told the program's own frame."""
    source = START + RETURNING
    expected = plain(source)
    assert expected.out.count(b"arrived 10") == 9
    trace, ran = record(source)
    assert ran == expected
    assert kinds(trace).count(Kind.SIGNAL) == 9
    answer, again = replay(trace)
    assert_same(answer)
    assert again == expected


def test_errors_have_no_frame_of_the_recorder() -> None:
    """What the primitives raise by themselves, printed in full, is what a plain run prints."""
    source = """
        import _thread, copy, queue, sys, threading, time, traceback
        lock, deep = threading.Lock(), threading.RLock()
        def in_with(lock):
            with lock: lock.release()
        done = threading.Thread(target=int); done.start(); done.join()
        gone = []
        sys.unraisablehook = lambda args: gone.append(args.exc_traceback)
        for wrong in (
            lock.release, deep.release, lambda: in_with(lock), lambda: in_with(deep), lambda: lock.acquire(False, 1),
            lambda: lock.acquire(timeout=-2), lambda: lock.acquire(timeout="1"), lambda: lock.acquire(timeout=1e99),
            lambda: lock.acquire(timeout=float("nan")), lambda: deep.acquire(False, 1), lambda: deep.acquire(timeout=1e99),
            lambda: deep.acquire(timeout=None), done.start, threading.Thread(target=int).join, threading.current_thread().join,
            lambda: threading.Thread(5), lambda: _thread.start_new_thread(5, ()), lambda: _thread.start_new_thread(int, 5),
            lambda: queue.SimpleQueue().get(timeout=-1), queue.SimpleQueue().get_nowait, lambda: time.sleep(-1),
            lambda: copy.copy(lock), lambda: copy.copy(deep), lambda: threading.Condition(lock).wait(),
        ):
            try: wrong(); print("no error")
            except Exception: traceback.print_exc(file=sys.stdout)
        _thread.start_new_thread(lambda: 1 / 0, ())
        while not gone: pass
        traceback.print_tb(gone.pop(), file=sys.stdout)
        """
    expected = plain(source)
    assert expected.out.count(b"Traceback") == 24
    trace, ran = record(source)
    assert ran == expected
    answer, again = replay(trace)
    assert_same(answer)
    assert again == expected


def test_a_lock_that_is_just_had_when_its_taker_is_interrupted() -> None:
    """A handler that raises as `with lock:` gets a contended lock ends the block: the lock is free afterwards."""
    source = """
        import queue, signal, threading, time
        class Stop(Exception): pass
        def stop(number, frame): raise Stop
        signal.signal(signal.SIGUSR1, stop)
        lock, deep, calls, ready = threading.Lock(), threading.RLock(), queue.SimpleQueue(), queue.SimpleQueue()
        main = threading.main_thread().ident
        def give():
            for mine in iter(calls.get, None):
                with mine:
                    ready.put(1)
                    for _ in range(2000): pass
                signal.pthread_kill(main, signal.SIGUSR1)
        giver = threading.Thread(target=give); giver.start()
        for turn in range(100):
            mine = (lock, deep)[turn % 2]
            try:
                calls.put(mine); ready.get()
                with mine: pass
                while True: time.sleep(0)
            except Stop: pass
            assert mine is deep and not deep._is_owned() or not lock.locked(), turn
        calls.put(None); giver.join(); print("free")
        """
    assert plain(source).out == b"free\n"
    _, ran = record(source, switch_interval_s=1e-5)
    assert (ran.out, ran.err, ran.code) == (b"free\n", b"", 0)


def test_an_interrupt_while_printing() -> None:
    """What was written before the handler raised is in the trace: a replay writes the same lines."""
    source = """
        import signal
        class Now(Exception): pass
        def handler(number, frame): raise Now
        signal.signal(signal.SIGALRM, handler)
        for turn in range(20):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0005 + turn / 10000)
                while True: print(turn, flush=True)
            except Now: print("now")
        """
    _, ran = record(source)
    assert ran.out.count(b"now") == 20
    faithful(source)


def test_what_a_handler_does_is_its_sub_actors() -> None:
    """It prints, takes locks, starts threads, is interrupted itself; the interrupted actor's steps are as without it."""
    source = """
        import signal, threading
        lock = threading.Lock()
        def handler(number, frame):
            print("in", number)
            with lock: print("locked")
            thread = threading.Thread(target=print, args=("a thread of the handler's",)); thread.start(); thread.join()
            if number == signal.SIGUSR1: signal.raise_signal(signal.SIGUSR2)
            print("out", number)
        signal.signal(signal.SIGUSR1, handler); signal.signal(signal.SIGUSR2, handler)
        with lock: pass
        signal.raise_signal(signal.SIGUSR1)
        with lock: pass
        """
    trace = faithful(source, recordings=2, replays=2)
    names = [info.name for info in trace.actors]
    assert {"main", "main!SIGUSR1", "main!SIGUSR1!SIGUSR2", "main!SIGUSR1/1", "main!SIGUSR1!SIGUSR2/1"} == set(names)
    steps = [kind for kind in kinds(trace, "main") if kind is not Kind.WRITE]
    assert steps == [Kind.ACQUIRE, Kind.RELEASE, Kind.SIGNAL, Kind.ACQUIRE, Kind.RELEASE, Kind.EXIT]


def test_a_timer_that_fires_all_the_time() -> None:
    """Dozens of signals in the midst of lock operations: none is lost on the way to its place."""
    source = """
        import signal, threading
        lock, deep, enough, count = threading.Lock(), threading.RLock(), threading.Event(), 0
        def handler(number, frame):
            global count
            count += 1
            if count == 50: enough.set()
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
        while not enough.is_set():  # count itself would be asked between two operations, where a signal's place is not exact
            for _ in range(50):
                with deep, lock: pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(count >= 50)  # one more may come while it is printed
        """
    trace = faithful(source, replays=2)
    assert kinds(trace).count(Kind.SIGNAL) >= 50


def test_signals_while_threads_are_started() -> None:
    """Between `start` and the first step of the new thread, and while it sets the event for which `start` waits."""
    source = """
        import signal, threading
        deep, seen = threading.RLock(), []
        def handler(number, frame):
            with deep: seen.append(number)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while len(seen) < 40:
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
        signal.setitimer(signal.ITIMER_REAL, 0)
        """
    trace = faithful(source, recordings=3, replays=2)
    assert any(here is Kind.START and behind is Kind.SIGNAL for here, behind in pairwise(kinds(trace, "main")))


OFTEN = """
import signal, threading
lock, deep, armed, hits = threading.Lock(), threading.RLock(), False, 0
class Now(Exception): pass
def handler(number, frame):
    if armed: raise Now
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
while hits < 100:
    try:
        armed = True
        while True:
            with deep:
                with lock: pass
    except Now:
        armed = False
        hits += 1
    assert not lock.locked(), hits
signal.setitimer(signal.ITIMER_REAL, 0)
other = threading.Thread(target=lambda: print(deep.acquire(timeout=5))); other.start(); other.join()
"""


def test_an_error_of_a_handler_leaves_no_lock_taken() -> None:
    """A handler that raises in the midst of `with lock:` ends the block: as in a plain run, the lock is free afterwards."""
    _, ran = record(OFTEN)
    assert (ran.out, ran.err, ran.code) == (b"True\n", b"", 0)


def test_interrupts_from_a_thread() -> None:
    """SIGINT is a KeyboardInterrupt wherever the main thread is; one that is not caught ends the program as it does plainly."""
    source = (
        START
        + """
held.set()
def sleep(): time.sleep(60)
for wait in (lambda: event.wait(), lambda: lock.acquire(), sleep, compute, lambda: items.get()):
    soon(wait, signal.SIGINT)
    try: wait()
    except KeyboardInterrupt: print("interrupted")
soon(sleep, signal.SIGINT); sleep()
"""
    )
    expected = plain(source)
    assert (expected.out, expected.code) == (b"interrupted\n" * 5, -2)
    trace, ran = record(source)
    assert ran == expected
    answer, again = replay(trace)
    assert_same(answer)
    assert again == expected


def test_a_signal_from_another_process() -> None:
    """In replay it comes at its place, whether the other process sends it again or not."""
    written("import os, signal, sys\nos.kill(int(sys.argv[1]), signal.SIGUSR1)\n", "sender.py")
    source = """
        import os, signal, subprocess, sys, time
        arrived = False
        def handler(number, frame):
            global arrived
            arrived = True
        signal.signal(signal.SIGUSR1, handler)
        subprocess.run([sys.executable, "-S", "sender.py", str(os.getpid())], check=True)
        while not arrived: time.sleep(0.001)
        print("arrived")
        """
    trace, ran = record(source)
    assert ran.out == b"arrived\n"
    written("", "sender.py")
    answer, again = replay(trace)
    assert_same(answer)
    assert again.out == ran.out


def test_handlers_are_what_the_program_set() -> None:
    """`signal.signal` and `getsignal` speak of the program's own handlers, the defaults and errors included."""
    source = """
        import signal, threading
        def one(number, frame): print("one", number, frame.f_code.co_name)
        two = lambda number, frame: print("two")
        S = signal.SIGUSR1
        print(signal.signal(S, one), signal.getsignal(S) is one, signal.signal(S, two) is one)
        print(signal.signal(S, signal.SIG_IGN) is two, signal.raise_signal(S))
        print(signal.signal(S, signal.SIG_DFL), signal.signal(S, one), signal.getsignal(signal.SIGTERM))
        default = signal.default_int_handler
        print(signal.getsignal(signal.SIGINT) is default, signal.signal(signal.SIGINT, one) is default)
        signal.raise_signal(S); signal.raise_signal(signal.SIGINT); signal.signal(signal.SIGINT, default)
        def elsewhere():
            try: signal.signal(S, one)
            except ValueError as error: print(error)
        thread = threading.Thread(target=elsewhere); thread.start(); thread.join()
        class Handler:
            def __call__(self, number, frame): print("called")
        signal.signal(S, Handler()); signal.raise_signal(S)
        signal.alarm(0); print(signal.setitimer(signal.ITIMER_REAL, 0), signal.SIGUSR1 in signal.valid_signals())
        """
    trace, ran = record(source)
    assert ran == plain(source)
    assert trace.outcome is Outcome.OK
    answer, again = replay(trace)
    assert_same(answer)
    assert again == ran


def test_a_handler_at_exit() -> None:
    """A signal in an exit handler still counts."""
    source = """
        import atexit, signal
        signal.signal(signal.SIGUSR1, lambda *_: print("arrived"))
        atexit.register(lambda: (signal.raise_signal(signal.SIGUSR1), print("last")))
        """
    faithful(source, replays=2)


@pytest.mark.parametrize("seconds", ["None", "60"])
def test_a_join_that_was_interrupted_is_joined_again(seconds: str) -> None:
    """On 3.11 and 3.12 `threading` takes such a thread for ended; whatever it does, it does so in replay."""
    source = (
        START
        + f"""
signal.signal(signal.SIGUSR1, stop)
def join(): holder.join({seconds})
soon(join)
try: join()
except Stop: print("stopped")
holder.join(0.001); print(holder.is_alive(), "stopped" in repr(holder)); held.set(); holder.join()
print(holder.is_alive())
"""
    )
    expected = plain(source)
    assert expected.out.startswith(b"stopped\n")
    trace, ran = record(source)
    assert ran == expected
    answer, again = replay(trace)
    assert_same(answer)
    assert again == expected


def test_a_signal_just_before_a_wait() -> None:
    """One that comes while an operation of ours is on its way into a sleep ends that sleep: it is not slept through."""
    trace = faithful(
        """
import itertools, operator, signal, time
class Late(Exception): pass
def late(number, frame): raise Late
signal.signal(signal.SIGUSR1, late)
class Long:  # to tell its length is to raise a signal, and no line of the program's is at hand for it
    __ge__ = operator.not_
    def __init__(self):
        raised = map(operator.length_hint, map(signal.raise_signal, (signal.SIGUSR1,)), (60,))
        type(self).__index__ = itertools.chain(raised, itertools.repeat(60)).__next__
try: time.sleep(Long())
except Late: print("late")
"""
    )
    assert kinds(trace).count(Kind.SIGNAL) == 1


@pytest.mark.parametrize("place", ["in the main program", "in another handler"])
def test_the_instruction_that_was_interrupted(place: str) -> None:
    """Of many that lie between two events, none of them recorded."""
    call = {"in the main program": "walk()", "in another handler": "signal.raise_signal(signal.SIGUSR1)"}[place]
    source = "\n".join(
        (
            "import signal, threading",
            "steps, found, lock = [], [], threading.Lock()",
            "def interrupt(number, frame):",
            "    with lock: found.append((frame.f_code.co_name, frame.f_lineno, frame.f_lasti, len(steps)))",
            "def walk(*_):",
            "    lock.acquire(False); lock.release()",
            "    signal.setitimer(signal.ITIMER_REAL, 0.001)",
            *["    sum(range(1000)); steps.append(1)"] * 400,
            "    signal.setitimer(signal.ITIMER_REAL, 0)",
            "signal.signal(signal.SIGALRM, interrupt)",
            "signal.signal(signal.SIGUSR1, walk)",
            *[call] * 5,
            "print(len(found), found)",
        )
    )
    trace, ran = record(source)
    assert int(ran.out.split()[0]) >= 3
    for _ in range(3):
        answer, again = replay(trace)
        assert_same(answer)
        assert again.out == ran.out


def test_a_handler_of_asyncio_is_called_once_for_a_signal() -> None:
    """One that came in the recorder's own frames is put off without another byte to the descriptor that asyncio reads."""
    _, ran = record(
        """
        import asyncio, os, signal, threading
        called, sent, lock, answered = 0, 0, threading.Lock(), threading.Event()
        def called_back():
            global called
            called += 1
            answered.set()
        def send():
            global sent
            for _ in range(100):
                answered.clear()
                sent += 1
                os.kill(os.getpid(), signal.SIGUSR1)
                answered.wait()
        async def main():
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, called_back)
            sender = threading.Thread(target=send)
            sender.start()
            while sender.is_alive():
                for _ in range(20):
                    with lock: pass
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)
        asyncio.run(main())
        print(sent, called, signal.getsignal(signal.SIGRTMAX - 4))
        """
    )
    assert ran.out == b"100 100 0\n"
