"""Every family of primitives, in a program of a few lines: recorded as the system schedules it, replayed to the same run."""

from pathlib import Path

import pytest

import simcore
from simcore.trace.events import Outcome, Verdict

HEAD = """
import queue, random, signal, sys, threading, time, os, _thread
from threading import *
def together(*functions):
    threads = [Thread(target=function) for function in functions]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""

PROGRAMS = {
    "lock: tries and timeouts": """
lock = Lock()
def work():
    for _ in range(30):
        if lock.acquire(False): lock.release()
        if lock.acquire(timeout=0.0001): lock.release()
        with lock: print(current_thread().name, lock.locked())
together(work, work, work)
""",
    "lock: released by another thread, and when it is free": """
lock = Lock(); lock.acquire()
Thread(target=lock.release).start()
with lock: pass
try: lock.release()
except RuntimeError as error: print(error)
""",
    "rlock: depths": """
lock = RLock()
def work():
    for _ in range(20):
        with lock:
            with lock: print(current_thread().name)
together(work, work)
try: lock.release()
except RuntimeError as error: print(error)
""",
    "condition: on an rlock held three deep": """
lock = RLock(); condition = Condition(lock); ready = []
def waiter():
    with lock:
        with lock:
            with condition:
                condition.wait_for(lambda: ready, timeout=5)
                print("woken")
def notifier():
    with condition:
        ready.append(1); condition.notify_all()
together(waiter, waiter, notifier)
with condition: print(condition.wait(0.001))
""",
    "event": """
light = Event()
def car(): print(light.is_set(), light.wait(5)); print(light.wait(0.001))
def signal_box(): light.set(); light.clear(); light.set()
together(car, car, signal_box)
""",
    "semaphores": """
seats = BoundedSemaphore(2); inside = []
def guest():
    with seats: inside.append(1); print(len(inside)); inside.pop()
together(*[guest] * 6)
try: seats.release()
except ValueError as error: print(error)
print(seats.acquire(timeout=0.001), seats.acquire(False), seats.acquire(False))
""",
    "barrier: action, timeout, broken": """
barrier = Barrier(3, action=lambda: print("action"))
def player():
    for _ in range(10): print(barrier.wait(5))
together(player, player, player)
try: barrier.wait(0.001)
except BrokenBarrierError: print("broken", barrier.broken, barrier.n_waiting)
barrier.reset(); barrier.abort(); print(barrier.broken)
""",
    "timers": """
done = Event()
Timer(0.001, lambda: (print("fired"), done.set())).start()
late = Timer(60, print); late.start(); late.cancel(); done.wait(); late.join()
""",
    "queues: bounded, lifo, priority, join": """
for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
    jobs = kind(3)
    def put(): [jobs.put(number) for number in range(20)]
    def get():
        for _ in range(10):
            job = jobs.get(timeout=5); print(job, jobs.qsize(), jobs.empty(), jobs.full()); jobs.task_done()
    together(put, get, get); jobs.join()
    try: jobs.get(timeout=0.001)
    except queue.Empty: print("empty")
""",
    "simple queue": """
jobs = queue.SimpleQueue()
def put(): [jobs.put((current_thread().name, number)) for number in range(40)]
def get(): [print(jobs.get()) for _ in range(40)]
together(put, get, put, get)
try: jobs.get(timeout=0.001)
except queue.Empty: print("empty", jobs.empty(), jobs.qsize())
""",
    "executor": """
from concurrent.futures import *
def work(number):
    if number == 7: raise ValueError(number)
    return number, random.random()
with ThreadPoolExecutor(4) as pool:
    jobs = [pool.submit(work, number) for number in range(20)]
    for job in as_completed(jobs): print(job.exception() or job.result())
    print(list(pool.map(work, range(5))))
    for when in (FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED):
        done, rest = wait([pool.submit(work, number) for number in range(10)], return_when=when); print(len(done), len(rest))
    stuck = pool.submit(time.sleep, 0.001); print(stuck.cancel())
""",
    "threads: names, lists, ends": """
def child(): print(current_thread().name, active_count(), sorted(thread.name for thread in enumerate()))
def parent():
    one = Thread(target=child); one.start(); one.join(0.0001); print(one.is_alive() in (True, False)); one.join()
together(parent, parent, parent)
done = Lock(); done.acquire(); _thread.start_new_thread(done.release, ()); done.acquire()
""",
    "daemons: cut off at the end": """
lock = Lock()
def work():
    while True:
        with lock: print(current_thread().name)
for _ in range(3): Thread(target=work, daemon=True).start()
time.sleep(0.005)
""",
    "a thread that fails": """
def work(): raise KeyError(1)
together(work, work)
""",
    "sched and logging": """
import logging, sched
logging.basicConfig(format="%(asctime)s %(threadName)s %(message)s")
plan = sched.scheduler()
for number in range(5): plan.enter(0.0005 * number, 1, logging.warning, (number,))
together(plan.run, lambda: [logging.warning("here") for _ in range(20)])
""",
    "inputs": """
import datetime, secrets, tempfile, uuid
print(time.time(), time.monotonic_ns(), time.perf_counter(), time.localtime(), time.strftime("%c"))
print(datetime.datetime.now(), datetime.date.today(), tempfile.mktemp(), os.getpid())
print(random.random(), random.Random().random(), secrets.token_hex(4), uuid.uuid4(), uuid.uuid1(), os.urandom(3))
print({str(number) for number in range(20)})
""",
    "threads that share the generator": """
def work(): [print(random.randrange(1000)) for _ in range(50)]
together(work, work)
""",
    "signals: in a wait, while computing, to itself": """
def handler(number, frame):
    with lock: print("handler", number)
lock = RLock(); signal.signal(signal.SIGUSR1, handler); signal.signal(signal.SIGALRM, handler)
with lock: os.kill(os.getpid(), signal.SIGUSR1)
signal.setitimer(signal.ITIMER_REAL, 0.002); Event().wait(0.02)
signal.setitimer(signal.ITIMER_REAL, 0.002); time.sleep(0.02)
""",
    "finalisers that take locks": """
lock = RLock()
class Node:
    def __init__(self): self.me = self
    def __del__(self):
        with lock: print("gone")
for _ in range(3000):
    with lock: node = Node()
""",
    "modules that threads import": """
def work():
    import _strptime, json, sqlite3
    import concurrent.futures.thread
together(work, work, work)
""",
}


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.loop)])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_replay_is_the_same_run(name: str, times: int) -> None:
    """The same events with the same results, the same output to the byte, and a diff that finds nothing."""
    Path("program.py").write_text(HEAD + PROGRAMS[name], encoding="utf-8")
    trace = simcore.record("./program.py", quiet=True, switch_interval_s=1e-5, timeout_s=60)
    assert trace.outcome is Outcome.OK, trace.ending.error
    result = simcore.replay(trace, times=times, strict_output=True)
    for run in result.runs:
        assert run.divergence is None, (run.divergence, run.divergence.reason, run.divergence.stack)
        assert run.differs == ""
        assert simcore.diff(trace, run.trace).verdict is Verdict.SAME
    assert result.verdict is Verdict.SAME


def test_a_failing_program_ends_as_it_does_without_simcore(capfd: pytest.CaptureFixture[str]) -> None:
    """Traceback, exit code, arguments and `__main__` are those of a plain run."""
    import subprocess
    import sys

    Path("program.py").write_text("import sys\nprint(__name__, sys.argv)\ndef f(): raise ValueError('x')\nf()\n")
    words = [sys.executable, "program.py", "--its", "args"]
    plain = subprocess.run(words, capture_output=True, text=True)
    trace = simcore.record(words)
    out, err = capfd.readouterr()
    assert (out, err, trace.ending.exit_code) == (plain.stdout, plain.stderr, plain.returncode)
    assert trace.outcome is Outcome.FAILED
    assert trace.ending.error == "ValueError: x"


HANDED = """
lock = Lock(); lock.acquire()
def give():
    for number in range(200):
        while not lock.locked(): pass
        lock.release()
def take():
    for number in range(200): lock.acquire()
together(give, take)
try: Lock().release()
except RuntimeError as error: print(error)
"""


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.loop)])
def test_a_release_that_is_stamped_before_what_it_answers(times: int) -> None:
    """Another thread may see a lock taken, and release it, before its taker comes to its stamp: the order is put right."""
    Path("program.py").write_text(HEAD + HANDED, encoding="utf-8")
    for _ in range(times):
        trace = simcore.record("./program.py", quiet=True, switch_interval_s=1e-5, timeout_s=60)
        assert simcore.replay(trace).verdict is Verdict.SAME
