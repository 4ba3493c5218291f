"""Messages between processes: pipes, queues, listeners and clients, under the three start methods."""

import multiprocessing
import os
import select
import signal
from pathlib import Path

import programs
import pytest
from start_methods import FORK_AND_FORKSERVER, FORK_AND_SPAWN, METHODS
from test_processes import again, run, witness

from simcore.engine.compare import compare
from simcore.errors import Divergence
from simcore.runtime.processes import birth
from simcore.runtime.processes.exclusion import one_at_a_time
from simcore.runtime.processes.tickets import Tickets
from simcore.trace.events import Kind, ObjectKind, Outcome
from simcore.trace.model import Trace


def faithful(source: str, method: str, replays: int = 1) -> Trace:
    """Record a program at the shortest switch interval, and replay it: the same, with the same witness. The trace."""
    trace = run(source, method, switch_interval_s=1e-5)
    assert (trace.outcome, trace.ending.error) == (Outcome.OK, "")
    for _ in range(replays):
        assert compare(trace, again(trace)).matched == len(trace)
    return trace


def values(trace: Trace, kind: Kind) -> list[int]:
    """What the events of a kind came to, in order."""
    return [event.value for event in trace if event.kind is kind]


def kinds_of(trace: Trace, kind: Kind) -> set[ObjectKind]:
    """What the objects are that events of a kind are about."""
    return {
        trace.objects[obj].kind
        for obj, its_kind in zip(trace.columns.object, trace.columns.kind, strict=True)
        if its_kind == kind
    }


PING = """
from multiprocessing.connection import wait
def echo(conn, rounds):
    for _ in range(rounds): conn.send(conn.recv())
def write(conn, name):
    for n in range(5): conn.send((name, n))
    conn.close()
if __name__ == "__main__":
    ctx = mp.get_context(method)
    ours, theirs = ctx.Pipe()
    child = ctx.Process(target=echo, args=(theirs, 8))
    child.start()
    for n in range(8):
        ours.send(n)
        while not ours.poll(0.0005): note("not yet")
        note(f"{ours.recv()} {ours.poll()}")
    child.join()
    readers = []
    for name in "abc":
        reader, writer = ctx.Pipe(False)
        ctx.Process(target=write, args=(writer, name)).start()
        writer.close()
        readers.append(reader)
    while readers:
        for reader in wait(readers, 10):
            try: note(str(reader.recv()))
            except EOFError: readers.remove(reader)
"""


@pytest.mark.parametrize("method", FORK_AND_FORKSERVER)
def test_pipes_both_ways_polls_and_waits(method: str) -> None:
    """Who is ready when, what a poll said and where a pipe ended is what was recorded."""
    trace = faithful(PING, method)
    assert values(trace, Kind.RECV).count(-1) == 3
    assert 1 in values(trace, Kind.POLL)
    assert {str(trace.texts[value]) for value in values(trace, Kind.READY)} <= {"0", "1", "2", "0,1", "0,2", "1,2", "0,1,2"}
    assert trace.ending.not_controlled == []


CROWD = """
def write(conn, name, size):
    for n in range(6): conn.send((name, n, "x" * size))
if __name__ == "__main__":
    ctx = mp.get_context(method)
    for size in (10, 9_000, 150_000):
        reader, writer = ctx.Pipe(False)
        for name in "abc": ctx.Process(target=write, args=(writer, name, size)).start()
        writer.close()
        for _ in range(18): note(str(reader.recv()[:2]))
    reader, writer = ctx.Pipe(False)
    threads = [threading.Thread(target=write, args=(writer, name, 40_000)) for name in "xyz"]
    for thread in threads: thread.start()
    for _ in range(18): note(str(reader.recv()[:2]))
    for thread in threads: thread.join()
"""


@pytest.mark.parametrize("method", FORK_AND_SPAWN)
def test_several_writers_at_one_end(method: str) -> None:
    """Messages lie in the pipe in the order of their events, also those for which there was no room at first."""
    trace = faithful(CROWD, method)
    assert len(values(trace, Kind.SEND)) == len(values(trace, Kind.RECV)) == 72
    assert sorted(values(trace, Kind.SEND)) == sorted(values(trace, Kind.RECV))


QUEUES = """
import queue
def produce(q, name):
    for n in range(6): q.put((name, n))
def crowd(q, name):
    threads = [threading.Thread(target=produce, args=(q, f"{name}{n}")) for n in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
def work(tasks, results, name):
    while (task := tasks.get()) is not None:
        results.put((name, task))
        tasks.task_done()
    tasks.task_done()
def squeeze(q):
    refused = 0
    for n in range(6):
        while True:
            try:
                q.put(n, timeout=0.001)
                break
            except queue.Full: refused += 1
    q.put(("refused", refused))
def short(q, name):
    for n in range(4): q.put((name, n, "x" * 30_000))
if __name__ == "__main__":
    ctx = mp.get_context(method)
    q = ctx.Queue()
    children = [ctx.Process(target=produce, args=(q, name)) for name in "ab"] + [ctx.Process(target=crowd, args=(q, "t"))]
    for child in children: child.start()
    for _ in range(24): note(f"{q.get()} {q.qsize()} {q.empty()}")
    for child in children: child.join()
    tasks, results = ctx.JoinableQueue(), ctx.Queue()
    workers = [ctx.Process(target=work, args=(tasks, results, name)) for name in "ab"]
    for worker in workers: worker.start()
    for n in range(10): tasks.put(n)
    for _ in workers: tasks.put(None)
    tasks.join()
    for _ in range(10): note(str(results.get()))
    for worker in workers: worker.join()
    for options in ((False,), (True, 0.01)):
        try: results.get(*options)
        except queue.Empty: note("nothing")
    narrow = ctx.Queue(2)
    child = ctx.Process(target=squeeze, args=(narrow,))
    child.start()
    while type(got := narrow.get()) is int: note(f"{got} {narrow.full()}")
    note(str(got))
    child.join()
    simple = ctx.SimpleQueue()
    children = [ctx.Process(target=short, args=(simple, name)) for name in "ab"]
    for child in children: child.start()
    for _ in range(8): note(f"{simple.get()[:2]} {simple.empty()}")
    for child in children: child.join()
    q.put("x" * 300_000)
    note(str(len(q.get())))
    q.close()
    q.join_thread()
"""


@pytest.mark.parametrize("method", FORK_AND_FORKSERVER)
def test_queues(method: str) -> None:
    """Whose item comes first, which worker takes which task, what was refused for want of room: as recorded."""
    trace = faithful(QUEUES, method)
    assert kinds_of(trace, Kind.PUT) == {ObjectKind.PQUEUE}
    assert set(values(trace, Kind.GET)) <= set(values(trace, Kind.PUT))
    assert {span.operation for span in trace.spans} >= {"Queue.put", "Queue.get", "Queue.join", "Queue.task_done", "Queue.full"}


MEETING = """
from multiprocessing.connection import Client, Listener
def visit(address, key, name):
    with Client(address, authkey=key) as conn:
        conn.send(name)
        print(name, conn.recv())
def retry(address):
    refused = 0
    while True:
        try: conn = Client(address)
        except FileNotFoundError: refused += 1
        else: break
        time.sleep(0.01)
    conn.send(refused)
def intrude(address):
    try: Client(address, authkey=b"wrong")
    except (mp.AuthenticationError, EOFError): note("refused")
if __name__ == "__main__":
    ctx = mp.get_context(method)
    for family in ("AF_INET", "AF_UNIX"):
        for key in (None, b"secret"):
            with Listener(family=family, authkey=key, backlog=2) as listener:
                print(listener.address)
                children = [ctx.Process(target=visit, args=(listener.address, key, name)) for name in "abcd"]
                for child in children: child.start()
                for _ in children:
                    with listener.accept() as conn:
                        print(listener.last_accepted)
                        note(conn.recv())
                        conn.send("welcome")
                for child in children: child.join()
    place = os.path.abspath("socket")
    child = ctx.Process(target=retry, args=(place,))
    child.start()
    time.sleep(0.05)
    with Listener(place) as listener:
        note(str(listener.accept().recv()))
        try: Listener(place)
        except OSError as error: note(str(error))
    child.join()
    try: Client(place)
    except FileNotFoundError as error: note(str(error))
    with Listener(authkey=b"right") as listener:
        child = ctx.Process(target=intrude, args=(listener.address,))
        child.start()
        try: listener.accept()
        except mp.AuthenticationError as error: said = str(error)
        child.join()
        note(said)
"""


@pytest.mark.parametrize("method", FORK_AND_SPAWN)
def test_listeners_and_clients(method: str) -> None:
    """Who is let in before whom, with a key or without; the program is told the recorded addresses, so it prints the same."""
    trace = faithful(MEETING, method)
    assert values(trace, Kind.ACCEPT) == [1] * 18
    assert kinds_of(trace, Kind.ACCEPT) == {ObjectKind.LISTENER}
    assert trace.ending.not_controlled == [], "the sockets are controlled"


ERRORS = """
import multiprocessing as mp, sys, traceback
def read(reader, writer):
    writer.close()
    reader.recv()
def write(reader, writer):
    reader.close()
    writer.send_bytes(b"x" * size)
if __name__ == "__main__":
    ctx = mp.get_context("spawn")
    for target, size in ((read, 0), (write, 100), (write, 100_000)):
        reader, writer = ctx.Pipe(False)
        try: target(reader, writer)
        except (EOFError, OSError): traceback.print_exc()
    reader, writer = ctx.Pipe()
    writer.send_bytes(b"1234567")
    for conn, call in ((reader, lambda: reader.recv_bytes(3)), (writer, lambda: writer.send(lambda: 0)), (reader, reader.recv)):
        try: call()
        except Exception: traceback.print_exc()
    writer.send_bytes(b"12345")
    writer.close()
    writer.poll()
"""


def test_errors_look_as_in_a_plain_run() -> None:
    """A broken pipe, an end of file, a message too long: the traceback is that of a plain run, recorded and replayed."""
    plain = programs.plain(ERRORS)
    trace, recorded = programs.record(ERRORS)
    answer, replayed = programs.replay(trace)
    assert b"EOFError" in plain.err
    assert b"BrokenPipeError" in plain.err
    assert plain.err == recorded.err == replayed.err
    assert plain.code == recorded.code == replayed.code == 1
    programs.assert_same(answer)
    assert [event.value for event in trace if event.kind is Kind.UNDO] == [-32, -32]


ENDS = """
def die(writer, size):
    writer.send_bytes(b"x" * size)
    os.kill(os.getpid(), 9)
def stay(writer):
    writer.send_bytes(b"x" * 1_000_000)
if __name__ == "__main__":
    ctx = mp.get_context(method)
    for size in (100, 200_000):
        reader, writer = ctx.Pipe(False)
        child = ctx.Process(target=die, args=(writer, size))
        child.start()
        writer.close()
        note(str(len(reader.recv_bytes())))
        try: reader.recv()
        except EOFError: note("end")
        child.join()
        note(str(child.exitcode))
    reader, writer = ctx.Pipe(False)
    child = ctx.Process(target=stay, args=(writer,))
    child.start()
    writer.close()
    while not reader.poll(): time.sleep(0.01)
    child.kill()
    child.join()
    try: reader.recv()
    except OSError as error: note(str(error))
"""


@pytest.mark.parametrize("method", FORK_AND_SPAWN)
def test_a_writer_that_is_killed(method: str) -> None:
    """What it had sent is received, then the pipe ends; a message that it was in the middle of is an error, as recorded."""
    trace = faithful(ENDS, method)
    assert values(trace, Kind.RECV) == [100, -1, 200_000, -1, -2]
    assert witness().split("\n")[-2] == "got end of file during message"


ALARMS = """
import multiprocessing as mp, signal, threading
from multiprocessing.connection import wait
class Late(Exception): pass
def late(*_): raise Late
reader, writer = mp.Pipe(False)
signal.signal(signal.SIGALRM, late)
for wait_for in (reader.recv, lambda: reader.poll(9), lambda: wait([reader], 9), lambda: writer.send_bytes(b"x" * 1_000_000)):
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try: wait_for()
    except Late: print("late")
signal.signal(signal.SIGALRM, lambda *_: print("alarm"))
reader, writer = mp.Pipe(False)
timer = threading.Timer(0.1, writer.send, (5,))
timer.start()
signal.setitimer(signal.ITIMER_REAL, 0.02)
print(reader.recv())
timer.join()
"""


def test_signals_while_a_message_is_awaited() -> None:
    """A handler runs in the wait; what it raises ends the wait there, recorded and replayed."""
    trace, ran = programs.record(ALARMS)
    answer, replayed = programs.replay(trace)
    assert ran.out == replayed.out == b"late\n" * 4 + b"alarm\n5\n"
    programs.assert_same(answer)


WAITS = """
import multiprocessing as mp, os, signal, subprocess, sys, time
from multiprocessing.connection import Listener
class Late(Exception): pass
def late(*_): raise Late
def after(call):
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try: print("got", call())
    except Late: print("late")
def child(): time.sleep(0.3)
if __name__ == "__main__":
    ctx = mp.get_context(sys.argv[1])
    signal.signal(signal.SIGALRM, late)
    lock, event, queue = ctx.Lock(), ctx.Event(), ctx.SimpleQueue()
    lock.acquire()
    for call in (lock.acquire, lambda: lock.acquire(timeout=9), event.wait, queue.get): after(call)
    with Listener(("127.0.0.1", 0)) as listener: after(listener.accept)
    process = ctx.Process(target=child)
    process.start()
    for call in (process.join, lambda: process.join(9)): after(call)
    process.join()
    print(process.exitcode)
    pid = os.fork()
    if not pid:
        child()
        os._exit(3)
    for call in (lambda: os.waitpid(pid, 0), os.wait, lambda: os.waitid(os.P_PID, pid, os.WEXITED)): after(call)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    popen = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"])
    after(popen.wait)
    print(popen.wait())
"""


@pytest.mark.parametrize("method", FORK_AND_FORKSERVER)
def test_signals_while_a_process_or_a_shared_lock_is_awaited(method: str) -> None:
    """The handler runs at once, not when the wait is over; what it raises ends the wait, and the child's end is seen later."""
    trace, ran = programs.record([programs.written(WAITS), method])
    answer, replayed = programs.replay(trace)
    assert ran.out == replayed.out == b"late\n" * 7 + b"0\n" + b"late\n" * 3 + b"3\n" + b"late\n0\n"
    programs.assert_same(answer)


INTERRUPTED = """
import multiprocessing as mp, os, signal, sys, time
def child(ready):
    try:
        ready.set()
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(3)
if __name__ == "__main__":
    ctx = mp.get_context(sys.argv[1])
    ready = ctx.Event()
    process = ctx.Process(target=child, args=(ready,))
    process.start()
    ready.wait()
    os.kill(process.pid, signal.SIGINT)
    process.join()
    print(process.exitcode)
"""


@pytest.mark.parametrize("method", METHODS)
def test_a_child_is_interrupted(method: str) -> None:
    """Its KeyboardInterrupt is an event under every start method, and comes again in replay."""
    trace, ran = programs.record([programs.written(INTERRUPTED), method])
    answer, replayed = programs.replay(trace)
    assert ran.out == replayed.out == b"interrupted\n3\n"
    assert [event.actor for event in trace if event.kind is Kind.SIGNAL] == ["main.1"]
    programs.assert_same(answer)


HANDED = """
def use(conn):
    other = conn.recv()
    other.send("through " + mp.current_process().name)
def fetch(q):
    with q.get() as other: other.send("from a queue")
if __name__ == "__main__":
    ctx = mp.get_context(method)
    ours, theirs = ctx.Pipe()
    near, far = ctx.Pipe()
    child = ctx.Process(target=use, args=(theirs,))
    child.start()
    ours.send(far)
    note(near.recv())
    child.join()
    q = ctx.Queue()
    child = ctx.Process(target=fetch, args=(q,))
    child.start()
    q.put(far)
    note(near.recv())
    child.join()
"""


@pytest.mark.parametrize("method", METHODS)
def test_a_connection_sent_to_another_process(method: str) -> None:
    """It keeps its number, and how it travels is nobody's doing: no socket is counted, no thread is an actor."""
    trace = faithful(HANDED, method)
    c = trace.columns
    far = [
        (trace.actors[actor].name, trace.object_names[obj])
        for actor, obj, kind in zip(c.actor, c.object, c.kind, strict=True)
        if kind == Kind.SEND and trace.processes[actor] != "main"
    ]
    assert far == [("main.1", "main:connection4"), ("main.2", "main:connection4")]
    assert {info.name for info in trace.actors} == {"main", "main/1", "main.1", "main.2"}  # main/1 is the queue's feeder
    assert trace.ending.not_controlled == []


@pytest.mark.loop
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["PING", "CROWD", "QUEUES", "MEETING", "ENDS", "HANDED"])
def test_messages_are_the_same_again_and_again(name: str, method: str) -> None:
    """Ten recordings, two replays each."""
    for _ in range(10):
        faithful(globals()[name], method, replays=2)


def test_numbers_agree_between_start_methods() -> None:
    """The same ends, queues and buffers under fork, spawn and fork server."""
    named = []
    for method in METHODS:
        trace = run(QUEUES, method)
        kinds = (ObjectKind.CONNECTION, ObjectKind.PQUEUE, ObjectKind.PSEMAPHORE, ObjectKind.PLOCK)
        named.append({name for name, info in zip(trace.object_names, trace.objects, strict=True) if info.kind in kinds})
    assert named[0] == named[1] == named[2]
    assert "main:pqueue5" in named[0]


def test_a_message_of_another_length_is_a_divergence() -> None:
    """The replay stops at the message, and says how long it was and is."""
    source = """
    if __name__ == "__main__":
        reader, writer = mp.Pipe(False)
        writer.send_bytes(b"x" * (5 if not os.path.exists("longer") else 7))
        reader.recv_bytes()
    """.replace("\n    ", "\n")
    trace = run(source, "fork")
    Path("longer").touch()
    with pytest.raises(Divergence) as caught:
        again(trace)
    assert caught.value.reason == "the message has 7 bytes instead of 5"


def test_one_at_a_time_between_processes_until_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is in the block keeps the others out, of its number only; a killed process keeps nobody out."""
    monkeypatch.setattr(birth, "folder", str(tmp_path))
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        with one_at_a_time(7):
            os.write(tell, b"in")
            signal.pause()
    try:
        assert os.read(told, 2) == b"in"
        with one_at_a_time(8), one_at_a_time(8):  # another number; and within itself
            pass
        tried, done = os.pipe()
        waiter = os.fork()
        if not waiter:
            with one_at_a_time(7):
                os.write(done, b"in")
            os._exit(0)
        assert not select.select([tried], [], [], 0.1)[0], "two are in the block"
        os.kill(child, signal.SIGKILL)
        assert os.read(tried, 2) == b"in"
        os.waitpid(waiter, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_tickets_are_shared_and_served_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process sees who is next; who waits goes on when all before it are done."""
    monkeypatch.setattr(birth, "folder", str(tmp_path))
    ours, theirs = Tickets(3), Tickets(3)
    assert (ours.take(), theirs.take()) == (0, 1)
    assert (ours.is_next(0), theirs.is_next(1)) == (True, False)
    waiter = multiprocessing.get_context("fork").Process(target=theirs.wait, args=(1,))
    waiter.start()
    assert waiter.exitcode is None
    ours.sent(0)
    waiter.join()
    assert theirs.is_next(1)
