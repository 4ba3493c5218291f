"""Pools, executors and managers of processes: they replay the same, and the trace says who did which task."""

import pytest
from programs import assert_same, faithful, plain, record, replay, written
from start_methods import FORK_AND_FORKSERVER, METHODS, in_turn

from simcore.trace.events import Kind
from simcore.trace.model import Trace

TASKS = """
import os, sys, time
def square(x): return x * x, os.getpid()
def fails(x): raise ValueError(f"no {x}")
def is_killed(x): os.kill(os.getpid(), 9)
def ends(x): os._exit(3)
def sleeps(x): time.sleep(100)
def starts(a, b):
    global mark
    mark = a, b, os.getpid()
def marked(x): return x, mark
"""

POOL = """
import multiprocessing, sys
from tasks import *
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    said = []
    with context.Pool(2, starts, ("a", 2)) as pool:
        print(pool.apply(square, (3,)), pool.map(marked, range(5), chunksize=2), pool.starmap(pow, [(2, 3), (3, 2)]))
        results = [pool.apply_async(square, (n,), callback=said.append) for n in range(3)]
        failing = pool.apply_async(fails, (7,), error_callback=said.append)
        print([result.ready() for result in results], list(pool.imap(square, range(4))))
        print(list(pool.imap_unordered(square, range(4))), pool.map(square, []))
        print(pool.map_async(square, range(4)).get(), pool.starmap_async(pow, [(2, 3)]).get())
        failing.wait()
        print(failing.successful(), repr(failing._value), [result.get(10) for result in results])
        each = pool.imap(fails, [1])
        try: each.next(10)
        except ValueError as error: print(error, error.__cause__)
        pool.close()
        pool.join()
    print(sorted(map(str, said)))
"""

ENDS = """
import multiprocessing, sys
from tasks import *
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2, starts, ("b", 3), maxtasksperchild=1) as pool:
        print(pool.map(marked, range(3), chunksize=1), list(pool.imap_unordered(marked, range(3))))
    with context.Pool(2) as pool:
        lost = pool.apply_async(is_killed, (1,))
        try: lost.get(0.1)
        except multiprocessing.TimeoutError: print("nobody answers")
        print(pool.map(square, range(3)), lost.ready())
    with context.Pool(2) as pool:
        slow = [pool.apply_async(sleeps, (n,)) for n in range(3)]
        print(slow[0].ready())
    print(context.Pool(2).map(square, range(3)))
"""

EXECUTOR = """
import multiprocessing, sys
from concurrent.futures import *
from tasks import *
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with ProcessPoolExecutor(2, mp_context=context, initializer=starts, initargs=("c", 4)) as executor:
        print([each.result() for each in as_completed([executor.submit(marked, n) for n in range(4)])])
        print(list(executor.map(square, range(5), chunksize=2)))
        some = [executor.submit(square, n) for n in range(4)]
        done, rest = wait(some, return_when=FIRST_COMPLETED)
        print(sorted(map(some.index, done)), len(rest), len(wait(some).done))
        some = [executor.submit(square, 1), executor.submit(fails, 2), executor.submit(square, 3)]
        done, rest = wait(some, return_when=FIRST_EXCEPTION)
        print(sorted(map(some.index, done)), sorted(map(some.index, rest)), [repr(each.exception()) for each in some])
        some = [executor.submit(square, n) for n in range(9)]
        print([each.cancel() for each in some], [each.cancelled() or each.result() for each in some])
"""

BROKEN = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor, process
from tasks import *
def ask(future):
    try: return future.result()
    except Exception as error: return type(error).__name__
    except BaseException as error: return type(error).__name__
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        some = [executor.submit(task, 2) for task in (square, ends, square, square)]
        print([ask(each) for each in some])
        try: executor.submit(square, 1)
        except process.BrokenProcessPool: print("broken")
    executor = ProcessPoolExecutor(2, mp_context=context)
    some = [executor.submit(square, n) for n in range(9)]
    executor.shutdown(wait=False, cancel_futures=True)
    print([ask(each) for each in some])
    executor = ProcessPoolExecutor(2, mp_context=context)
    some = [executor.submit(square, n) for n in range(3)]
    del executor
    print([ask(each) for each in some])
"""

MANAGER = """
import multiprocessing, queue, sys
from multiprocessing.managers import BaseManager, SharedMemoryManager
from tasks import square
class Counter:
    def __init__(self): self.n = 0
    def up(self): self.n += 1; return self.n
    def fails(self): raise LookupError("x")
class Own(BaseManager): pass
Own.register("Counter", Counter)
def work(n, d, l, space, lock, rlock, semaphore, bounded, condition, event, barrier, items, joinable, value, array, counter):
    event.wait()
    with lock: d[n] = len(l); l.append(n)
    with rlock, rlock: space.x += 1
    with semaphore, bounded: value.value += 1; array[n] += 1
    items.put((n, counter.up()))
    barrier.wait()
    with condition: space.turn += 1; condition.notify_all()
    l.append((n, joinable.get())); joinable.task_done()
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Manager() as manager, Own(ctx=context) as own:
        d, l, space, counter = manager.dict(), manager.list(), manager.Namespace(x=0, turn=0), own.Counter()
        locks = manager.Lock(), manager.RLock(), manager.Semaphore(2), manager.BoundedSemaphore(1), manager.Condition()
        event, barrier, items, joinable = manager.Event(), manager.Barrier(3), manager.Queue(), manager.JoinableQueue()
        value, array = manager.Value("i", 0), manager.Array("i", [0, 0])
        shared = (d, l, space, *locks, event, barrier, items, joinable, value, array, counter)
        workers = [context.Process(target=work, args=(n, *shared)) for n in range(2)]
        for worker in workers: worker.start()
        event.set()
        barrier.wait()
        with locks[4]: print(locks[4].wait_for(lambda: space.turn == 2, 20))
        for n in range(2): joinable.put(n)
        joinable.join()
        for worker in workers: worker.join()
        print([items.get() for _ in workers], d, list(l), space, value.value, array[:], locks[0].acquire(False))
        try: items.get_nowait()
        except queue.Empty: print("empty")
        try: counter.fails()
        except LookupError as error: print(repr(error))
        nested = manager.list([manager.dict(a=1)])
        nested[0]["b"] = 2
        print(nested[0].copy())
        with manager.Pool(2) as pool: print(pool.map(square, range(3)), pool.apply_async(square, (4,)).get())
    with SharedMemoryManager(ctx=context) as memory:
        row = memory.ShareableList([1, 2])
        row[0] = 5
        print(row[0], memory.SharedMemory(10).size >= 10)
"""

REMOTE = """
import multiprocessing, queue, sys
from multiprocessing.managers import BaseManager
class Queues(BaseManager): pass
tasks, results = queue.Queue(), queue.Queue()
def get_tasks(): return tasks
def get_results(): return results
def serve(writer):
    Queues.register("tasks", callable=get_tasks); Queues.register("results", callable=get_results)
    server = Queues(("127.0.0.1", 0), b"secret").get_server()
    writer.send(server.address)
    server.serve_forever()
def connected(address, key=b"secret"):
    Queues.register("tasks"); Queues.register("results")
    manager = Queues(address, key)
    manager.connect()
    return manager.tasks(), manager.results()
def work(address, name):
    tasks, results = connected(address)
    for n in iter(tasks.get, None): results.put((name, n * n))
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    reader, writer = context.Pipe(False)
    server = context.Process(target=serve, args=(writer,)); server.start()
    address = reader.recv()
    try: connected(address, b"wrong")
    except multiprocessing.AuthenticationError as error: print(error)
    workers = [context.Process(target=work, args=(address, n)) for n in range(2)]
    for worker in workers: worker.start()
    tasks, results = connected(address)
    for n in (1, 2, 3, 4, None, None): tasks.put(n)
    print([results.get() for _ in range(4)], address)
    for worker in workers: worker.join()
    server.terminate(); server.join()
    print(server.exitcode)
"""

PROGRAMS = {"pool": POOL, "ends": ENDS, "executor": EXECUTOR, "broken": BROKEN, "manager": MANAGER, "remote": REMOTE}


def program(source: str, method: str) -> list[str]:
    """The command that runs such a program."""
    written(TASKS, "tasks.py")
    return [written(source), method]


def operations(trace: Trace, actor: str = "main") -> list[str]:
    """The spans of an actor, by what they are called."""
    return [
        f"{span.operation} {trace.object_labels[span.object]}" for span in trace.spans if trace.actors[span.actor].name == actor
    ]


@pytest.mark.parametrize(("name", "method"), in_turn(PROGRAMS))
def test_a_replay_is_the_same(name: str, method: str) -> None:
    """Which worker takes which task, what a manager is asked by whom before whom: all of it replays, under each start method."""
    faithful(program(PROGRAMS[name], method))  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
def test_a_trace_says_who_took_which_task(method: str) -> None:
    """Each task is put into the pool once, and got by the worker that did it."""
    source = """
    import multiprocessing, sys
    from tasks import square
    if __name__ == "__main__":
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            print(*[pool.apply_async(square, (n,)).get()[1] for n in range(5)])
    """
    trace, ran = record(program(source, method))
    pids = {process.name: process.pid for process in trace.ending.processes}
    tasks = [event for event in trace if event.object == "main:pool1"]
    put = [event.value & 0xFFFFFFFF for event in tasks if event.kind is Kind.PUT]
    got = {event.value & 0xFFFFFFFF: pids[event.actor] for event in tasks if event.kind is Kind.GET}
    assert len(put) == 5
    assert [got[task] for task in put] == [int(pid) for pid in ran.out.split()]


def test_operations_are_spans() -> None:
    """What the program calls stands in the trace, under the name that it gave the pool, executor or manager."""
    source = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from tasks import square
    if __name__ == "__main__":
        pool = multiprocessing.get_context("fork").Pool(1)
        answer = pool.map_async(square, [1, 2])
        answer.get()
        pool.apply(square, (1,))
        pool.close()
        pool.join()
        with ProcessPoolExecutor(1) as executor: executor.submit(square, 1).result()
        with multiprocessing.Manager() as manager:
            row = manager.list()
            row.append(1)
    """
    trace, _ = record(program(source, "fork"))
    called = [operation for operation in operations(trace) if not operation.startswith("Queue.")]  # its end, at the exit
    assert called == [
        *("Pool.map_async pool", "AsyncResult.get pool", "Pool.apply pool", "Pool.close pool", "Pool.join pool"),
        *("Executor.submit executor", "Future.result executor.f", "Executor.shutdown executor"),
        *("Manager.start manager", "Manager.create manager", "Proxy.call row"),
    ]


def test_what_a_manager_keeps_is_one_object() -> None:
    """All processes speak of the same list, though each has a proxy of its own."""
    source = """
    import multiprocessing
    def work(row): row.append(1)
    if __name__ == "__main__":
        context = multiprocessing.get_context("spawn")
        with context.Manager() as manager:
            row = manager.list()
            other = manager.list()
            workers = [context.Process(target=work, args=(row,)) for _ in range(2)]
            for worker in workers: worker.start()
            for worker in workers: worker.join()
            print(row)
    """
    trace, _ = record(program(source, "spawn"))
    calls = [span for span in trace.spans if span.operation == "Proxy.call"]
    assert {(trace.actors[span.actor].name, trace.object_labels[span.object]) for span in calls} == {
        *(("main", "row"), ("main.2", "row"), ("main.3", "row")),
    }
    assert len({span.object for span in calls}) == 1


@pytest.mark.parametrize("method", FORK_AND_FORKSERVER)
def test_errors_are_those_of_a_plain_run(method: str) -> None:
    """The program and its workers print what they print without simcore, tracebacks included."""
    source = """
    import multiprocessing, sys, traceback
    from concurrent.futures import ProcessPoolExecutor, wait
    from tasks import fails
    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        with context.Pool(1) as pool:
            for call in (pool.apply, pool.map):
                try: call(fails, (1,))
                except ValueError: traceback.print_exc()
            try: pool.map(lambda x: x, [1])
            except Exception as error: print(type(error).__name__)
        for call in (pool.apply, pool.imap):
            try: call(fails, (1,))
            except ValueError: traceback.print_exc()
        try: context.Pool(0)
        except ValueError: traceback.print_exc()
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            future = executor.submit(fails, 1)
            wait([future])  # else the line of `result` that raises hangs on who is first
            try: future.result()
            except ValueError: traceback.print_exc()
        try: executor.submit(fails, 1)
        except RuntimeError: traceback.print_exc()
        with context.Manager() as manager:
            try: manager.list().pop()
            except IndexError: traceback.print_exc()
        try: manager.list()
        except AssertionError: traceback.print_exc()
    """
    command = program(source, method)
    expected = plain(command)
    trace, ran = record(command)
    assert (ran.out, ran.err, ran.code) == (expected.out, expected.err, expected.code)
    answer, again = replay(trace)
    assert_same(answer)
    assert (again.out, again.err, again.code) == (expected.out, expected.err, expected.code)


def test_tasks_do_not_keep_their_pool() -> None:
    """The thread that sends them drops them when it likes: whether a forgotten pool is ended by then must not hang on that."""
    source = """
    import multiprocessing, sys
    from tasks import square
    if __name__ == "__main__":
        with multiprocessing.get_context("fork").Pool(1) as pool:
            before = sys.getrefcount(pool)
            tasks = pool._guarded_task_generation(0, square, [1, 2])
            print(next(tasks), sys.getrefcount(pool) - before)
    """
    _, ran = record(program(source, "fork"))
    assert ran.out.split()[-1] == b"0"


def test_a_task_that_cannot_be_sent_is_counted_in_turn() -> None:
    """Two threads of the pool bring results of one job: those of workers, and the failure of what could not be pickled."""
    source = """
    import multiprocessing
    from tasks import square
    if __name__ == "__main__":
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for _ in range(10):
                try: pool.map(square, [1, 2, 3, lambda: 0, 4, 5], chunksize=1)
                except Exception as error: print(type(error).__name__)
    """
    faithful(program(source, "fork"), recordings=2, replays=2)  # type: ignore[arg-type]


def test_numbers_in_names_are_those_of_the_recording() -> None:
    """`Process-3` and `PoolWorker-3` come from one counter for all threads."""
    source = """
    import multiprocessing, threading
    if __name__ == "__main__":
        context = multiprocessing.get_context("fork")
        names = {}
        def make(n): names[n] = [context.Process().name for _ in range(200)]
        threads = [threading.Thread(target=make, args=(n,)) for n in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print([names[n] for n in range(3)])
    """
    faithful(program(source, "fork"), recordings=2, replays=2, switch_interval_s=1e-6)  # type: ignore[arg-type]


@pytest.mark.loop
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_replays_are_the_same_again_and_again(name: str, method: str) -> None:
    """Twenty recordings, three replays each."""
    faithful(program(PROGRAMS[name], method), recordings=20, replays=3)  # type: ignore[arg-type]
