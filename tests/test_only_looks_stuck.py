"""Programs that wait for longer than a deadlock is left alone, and then come to their own end: none of them is ended."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shlex import quote

import pytest
from programs import written
from standstill_programs import ABBA, RUN_ABBA, TOO_LONG_NS

import simcore
from simcore.trace.events import Outcome
from simcore.trace.model import Trace

WORKERS = """
import os, queue, signal, subprocess, sys, threading, time
jobs = queue.Queue()
def work():
    while jobs.get() is not None:
        pass
workers = [threading.Thread(target=work) for _ in range(3)]
for worker in workers: worker.start()
def finish():
    for _ in workers: jobs.put(None)
def later(command):
    subprocess.Popen(["sh", "-c", f"sleep 2.5; {command}"])
"""

ALL_STUCK = """
import os, signal, subprocess, threading, time
"""

PATIENT = {
    "sleeps": WORKERS + "time.sleep(2.5); finish()",
    "reads stdin": WORKERS + "assert sys.stdin.read() == 'done\\n'; finish()",
    "computes": WORKERS + "end = time.monotonic() + 2.5\nwhile time.monotonic() < end: sum(range(1000))\nfinish()",
    "computes in a thread": WORKERS
    + """
def compute():
    end = time.monotonic() + 2.5
    while time.monotonic() < end: sum(range(1000))
    finish()
threading.Thread(target=compute).start()
for worker in workers: worker.join()
""",
    "waits with a timeout": WORKERS + "assert not threading.Event().wait(2.5); finish()",
    "takes a lock with a timeout": WORKERS + "a = threading.Lock(); a.acquire(); assert not a.acquire(timeout=2.5); finish()",
    "a cycle of timeouts": ABBA.replace("with second:", "if second.acquire(timeout=2.5):") + RUN_ABBA + "one.join(); two.join()",
    "serves until SIGTERM": WORKERS
    + """
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
later(f"kill -TERM {os.getpid()}")
stop.wait()
finish()
""",
    "pauses until a signal": WORKERS
    + """
signal.signal(signal.SIGUSR1, lambda *_: finish())
later(f"kill -USR1 {os.getpid()}")
signal.pause()
""",
    "a signal handler releases the lock": WORKERS
    + """
a = threading.Lock()
signal.signal(signal.SIGUSR1, lambda *_: a.release())
later(f"kill -USR1 {os.getpid()}")
a.acquire()
a.acquire()
finish()
""",
    "a signal handler raises out of a cycle": ABBA
    + """
import os, signal, subprocess
class Enough(Exception): pass
def enough(*_): raise Enough
signal.signal(signal.SIGUSR1, enough)
subprocess.Popen(["sh", "-c", f"sleep 2.5; kill -USR1 {os.getpid()}"])
other = threading.Thread(target=grab, args=(b, a))
other.start()
try:
    grab(a, b)
except Enough:
    pass
other.join()
""",
    "waits for a connection": WORKERS
    + """
import socket
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
connects = f"import socket, time; time.sleep(2.5); socket.create_connection(('127.0.0.1', {port}))"
subprocess.Popen([sys.executable, "-S", "-c", connects])
server.accept()
finish()
""",
    "waits for a child process": WORKERS + "subprocess.run(['sleep', '2.5'], check=True); finish()",
    "selects": WORKERS
    + """
import select
child = subprocess.Popen(["sh", "-c", "sleep 2.5; echo"], stdout=subprocess.PIPE)
select.select([child.stdout], [], [])
finish()
""",
    "polls": WORKERS
    + """
import select
child = subprocess.Popen(["sh", "-c", "sleep 2.5; echo"], stdout=subprocess.PIPE)
watch = select.poll()
watch.register(child.stdout)
watch.poll()
finish()
""",
    "a lock as a signal": ALL_STUCK
    + """
signal_ = threading.Lock()
signal_.acquire()
threading.Thread(target=lambda: (time.sleep(2.5), signal_.release())).start()
signal_.acquire()
""",
    "a lock as a signal, its waiter joined": ALL_STUCK
    + """
start = threading.Lock()
start.acquire()
worker = threading.Thread(target=start.acquire)
worker.start()
threading.Thread(target=lambda: (time.sleep(2.5), start.release())).start()
worker.join()
""",
    "two locks as signals, by turns": ALL_STUCK
    + """
ping, pong = threading.Lock(), threading.Lock()
ping.acquire(); pong.acquire()
def play(mine, other):
    for _ in range(3):
        mine.acquire()
        time.sleep(0.4)
        other.release()
players = [threading.Thread(target=play, args=pair) for pair in ((ping, pong), (pong, ping))]
for player in players: player.start()
ping.release()
for player in players: player.join()
""",
    "a slow notifier": ALL_STUCK
    + """
ready = threading.Condition()
def notify():
    time.sleep(2.5)
    with ready: ready.notify()
threading.Thread(target=notify).start()
with ready: ready.wait()
""",
    "a slow thread": ALL_STUCK + "slow = threading.Thread(target=time.sleep, args=(2.5,)); slow.start(); slow.join()",
    "the end of a lock's holder": ALL_STUCK
    + """
a = threading.Lock()
def hold():
    with a: time.sleep(2.5)
holder = threading.Thread(target=hold)
holder.start()
waiters = [threading.Thread(target=lambda: a.acquire() and a.release()) for _ in range(3)]
for waiter in waiters: waiter.start()
for waiter in waiters: waiter.join()
""",
    "a native thread ends the program": ALL_STUCK
    + """
import ctypes
libc = ctypes.CDLL(None)
@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def wake(_):
    ctypes.CDLL(None).usleep(2_500_000)
    os._exit(0)
libc.pthread_create(ctypes.byref(ctypes.c_ulong()), None, wake, None)
threading.Event().wait()
""",
}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Trace]]:
    """The traces of all patient programs, which run at the same time: what counts is only whether they come to their end."""
    folder, before = tmp_path_factory.mktemp("patient"), Path.cwd()
    os.chdir(folder)
    try:
        paths = {name: written(source, f"{name}.py") for name, source in PATIENT.items()}
        commands = {name: f"(sleep 2.5; echo done) | {sys.executable} {quote(path)}" for name, path in paths.items()}
        with ThreadPoolExecutor(len(PATIENT)) as pool:
            runs = {
                name: pool.submit(simcore.record, ["sh", "-c", commands[name]], quiet=True, on_stall="end") for name in PATIENT
            }
        yield {name: run.result() for name, run in runs.items()}
    finally:
        os.chdir(before)


@pytest.mark.parametrize("name", PATIENT)
def test_what_only_looks_stuck_is_never_ended(patient: dict[str, Trace], name: str) -> None:
    """It waits for more than two seconds, also under on_stall=end, and then comes to its own end."""
    trace = patient[name]
    assert trace.ending.duration_ns > TOO_LONG_NS
    assert (trace.outcome, trace.ending.exit_code, trace.ending.error) == (Outcome.OK, 0, "")
