"""Programs whose recordings `fidelity.py` replays: each uses another part of the standard library, all in many small steps.

Patterns of a single file, as a user would write them (`--plugin benchmarks/programs.py`). What they share is changed only in
an order that simcore records: under a lock, behind a queue, next to a write. `witness` names a file that they append to in that
order.
"""

import heapq
import logging
import os
import queue
import random
import sched
import signal
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from datetime import datetime

from simcore.api import pattern


def note(witness: str, *words: object) -> None:
    """Append a line to the witness, if there is one."""
    if witness:
        with open(witness, "a", encoding="utf-8") as file:
            print(*words, file=file)


def name() -> str:
    """Who is speaking."""
    return threading.current_thread().name


def run_all(targets: Sequence[Callable[[], None]], label: str = "worker") -> None:
    """One thread for each, all started, then all joined."""
    threads = [threading.Thread(target=target, name=f"{label}-{n + 1}") for n, target in enumerate(targets)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pattern
def queues(items: int = 40, producers: int = 3, consumers: int = 3, witness: str = "") -> None:
    """Producers and consumers at a short Queue, a LifoQueue behind it, a PriorityQueue at the end."""
    first: queue.Queue[int] = queue.Queue(maxsize=3)
    second: queue.LifoQueue[int] = queue.LifoQueue()
    last: queue.PriorityQueue[tuple[int, str]] = queue.PriorityQueue()
    lock = threading.Lock()

    def produce(number: int) -> None:
        for item in range(number, items, producers):
            first.put(item)

    def consume() -> None:
        while True:
            item = first.get()
            with lock:
                note(witness, name(), "got", item)
            if item >= 0:
                second.put(item)
                other = second.get()
                last.put((other, name()))
            first.task_done()
            if item < 0:
                return

    eaters = [threading.Thread(target=consume, name=f"consumer-{n + 1}") for n in range(consumers)]
    for eater in eaters:
        eater.start()
    run_all([lambda n=n: produce(n) for n in range(producers)], "producer")  # type: ignore[misc]
    for _ in eaters:
        first.put(-1)
    first.join()
    for eater in eaters:
        eater.join()
    result = [last.get_nowait() for _ in range(items)]
    print(result, last.empty(), second.qsize())


@pattern
def simple_queues(items: int = 40, workers: int = 3, witness: str = "") -> None:
    """A ring of SimpleQueues and one that all share, with timeouts."""
    tasks: queue.SimpleQueue[int] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()

    def work() -> None:
        empty = 0
        while True:
            try:
                task = tasks.get(timeout=0.0005)
            except queue.Empty:
                empty += 1
                results.put((name(), -empty))
                continue
            if task < 0:
                return
            results.put((name(), task))

    def feed() -> None:
        for task in range(items):
            tasks.put(task)
            if task % 8 == 0:
                time.sleep(0.001)
        for _ in range(workers):
            tasks.put(-1)

    run_all([feed, *[work] * workers])
    while not results.empty():
        who, what = results.get_nowait()
        note(witness, who, what)
        print(who, what)


@pattern
def reentrant(rounds: int = 25, workers: int = 3, witness: str = "") -> None:
    """An RLock taken up to three deep, through a Condition on it as well."""
    lock = threading.RLock()
    changed = threading.Condition(lock)
    total = 0

    def add(amount: int) -> None:
        nonlocal total
        with lock:
            total += amount
            note(witness, name(), total)

    def work() -> None:
        for amount in range(rounds):
            with lock, lock:
                add(amount)
                if amount % 5 == 0:
                    changed.notify_all()
                if amount % 7 == 3:
                    changed.wait(0.0005)
                add(-amount + 1)

    run_all([work] * workers)
    print(total)


@pattern
def semaphores(rounds: int = 20, workers: int = 5, places: int = 2, witness: str = "") -> None:
    """More workers than places: a Semaphore, a BoundedSemaphore, tries that fail."""
    seats, exits = threading.Semaphore(places), threading.BoundedSemaphore(places)
    lock = threading.Lock()
    inside: list[str] = []
    refused = 0

    def work() -> None:
        nonlocal refused
        for turn in range(rounds):
            if not seats.acquire(blocking=turn % 3 != 0, timeout=0.001 if turn % 3 == 1 else None):
                with lock:
                    refused += 1
                    note(witness, name(), "refused", turn)
                continue
            with lock:
                inside.append(name())
                note(witness, *inside)
            time.sleep(0)
            with exits, lock:
                inside.remove(name())
            seats.release()

    run_all([work] * workers)
    print("refused", refused)


@pattern
def events(rounds: int = 15, workers: int = 3, witness: str = "") -> None:
    """Events set, cleared and waited for, with and without a timeout; their answers steer the program."""
    lock = threading.Lock()
    go = [threading.Event() for _ in range(workers)]
    late = 0

    def work(number: int) -> None:
        nonlocal late
        for turn in range(rounds):
            mine, following = go[number], go[(number + 1) % workers]
            if not mine.wait(0.0002):
                with lock:
                    late += 1
                    note(witness, name(), "late", turn)
            mine.clear()
            with lock:
                note(witness, name(), turn, following.is_set())
            following.set()

    run_all([lambda n=n: work(n) for n in range(workers)])  # type: ignore[misc]
    print("late", late, [event.is_set() for event in go])


@pattern
def logs(rounds: int = 20, workers: int = 3, witness: str = "") -> None:
    """Threads that log to a file and to stdout, with the time in each line."""
    logger = logging.Logger("bench")
    form = logging.Formatter("%(asctime)s.%(msecs)03d %(relativeCreated)d %(threadName)s %(message)s")
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    if witness:
        handlers.append(logging.FileHandler(witness))
    for handler in handlers:
        handler.setFormatter(form)
        logger.addHandler(handler)

    def work() -> None:
        for turn in range(rounds):
            logger.info("turn %d", turn)
            if turn % 6 == 0:
                try:
                    raise ValueError(turn)
                except ValueError:
                    logger.exception("caught")

    run_all([work] * workers)
    for handler in handlers:
        handler.close()


@pattern
def timers(count: int = 20, witness: str = "") -> None:
    """Timers that race with each other; every third is cancelled, perhaps too late."""
    lock = threading.Lock()
    fired: list[int] = []

    def fire(number: int) -> None:
        with lock:
            fired.append(number)
            note(witness, number, threading.active_count())

    clocks = [threading.Timer(0.0005 * (n % 7), fire, (n,)) for n in range(count)]
    for clock in clocks:
        clock.start()
    for clock in clocks[::3]:
        clock.cancel()
    for clock in clocks:
        clock.join(0.0003)
        note(witness + ".main" if witness else "", clock.is_alive())
        clock.join()
    print(fired)


@pattern
def tries(rounds: int = 40, workers: int = 3, witness: str = "") -> None:
    """Locks tried, waited for with a timeout, and looked at; what was refused is counted."""
    first = threading.Lock()
    locks: list[threading.Lock | threading.RLock] = [first, threading.RLock(), threading.Lock()]
    guard = threading.Lock()
    lines = 0

    def work(seed: int) -> None:
        nonlocal lines
        chosen = random.Random(seed)
        for turn in range(rounds):
            lock = chosen.choice(locks)
            how = turn % 4
            got = lock.acquire() if how == 0 else lock.acquire(False) if how == 1 else lock.acquire(timeout=0.0002 * (how - 2))
            with guard:
                lines += 1
                note(witness, name(), turn, how, got, guard.locked())
            if got:
                if turn % 5 == 0:
                    time.sleep(0)
                lock.release()

    run_all([lambda n=n: work(n) for n in range(workers)])  # type: ignore[misc]
    print(lines, first.locked())


@pattern
def prints(rounds: int = 30, workers: int = 3) -> None:
    """Nothing but writes, from all threads at once, to both streams; a line may come in pieces."""

    def work() -> None:
        for turn in range(rounds):
            print(name(), turn)
            sys.stdout.write(f"{turn}\n")
            if turn % 5 == 0:
                print("half", file=sys.stderr, end="")
                print(" line", file=sys.stderr, flush=True)
                time.sleep(0)

    run_all([work] * workers)


@pattern
def polls(rounds: int = 12, workers: int = 3, witness: str = "") -> None:
    """A variable says whose turn it is; who is not at turn looks again after a sleep, and mostly in vain."""
    lock = threading.Lock()
    turn = 0
    looks = [0] * workers

    def is_mine(number: int) -> bool:
        with lock:
            return turn % workers == number

    def work(number: int) -> None:
        nonlocal turn
        for _ in range(rounds):
            while not is_mine(number):
                looks[number] += 1
                time.sleep(0)
            with lock:
                note(witness, name(), turn, looks[number])
                turn += 1

    run_all([lambda n=n: work(n) for n in range(workers)])  # type: ignore[misc]
    print(turn, looks)


@pattern
def daemons(rounds: int = 60, workers: int = 3, witness: str = "") -> None:
    """Daemon threads that write for ever, and a main thread that ends under them."""
    lock = threading.Lock()
    done = threading.Semaphore(0)

    def work() -> None:
        turn = 0
        while True:
            turn += 1
            with lock:
                note(witness, name(), turn)
            if turn % 10 == 0:
                print(name(), turn, flush=True)
                time.sleep(0)
            done.release()

    for n in range(workers):
        threading.Thread(target=work, name=f"daemon-{n + 1}", daemon=True).start()
    for _ in range(rounds):
        done.acquire()
    print("main leaves")


@pattern
def pool(tasks: int = 25, workers: int = 4, witness: str = "") -> None:
    """A pool whose tasks submit others, callbacks, `map`, `as_completed`, `wait`, cancelled futures, a set of futures."""
    lock = threading.Lock()

    def task(number: int) -> int:
        with lock:
            note(witness, name(), number)
        return number * number

    def finished(future: "Future[int]") -> None:
        with lock:
            note(witness, "done", future.result())

    with ThreadPoolExecutor(workers, thread_name_prefix="pool") as executor:

        def parent(number: int) -> "Future[int]":
            inner = executor.submit(task, number)
            inner.add_done_callback(finished)
            return inner

        outer = {executor.submit(parent, number) for number in range(tasks)}
        print([future.result().result() for future in as_completed(outer)])
        print(sum(executor.map(task, range(tasks))))
        waiting = {executor.submit(task, number) for number in range(tasks)}
        while waiting:
            some, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            print(sorted(future.result() for future in some))
        futures = [executor.submit(task, number) for number in range(tasks)]
        print([future.cancel() for future in reversed(futures)].count(True), "cancelled")


@pattern
def inputs(rounds: int = 20, workers: int = 3, witness: str = "") -> None:
    """Clocks, random numbers, uuids and pids decide what is done next."""
    lock = threading.Lock()

    def work() -> None:
        own = random.Random()
        for turn in range(rounds):
            if own.random() < 0.3 or time.perf_counter_ns() % 3 == 0:
                time.sleep(own.choice((0, 0.0001)))
            with lock:
                note(
                    witness,
                    name(),
                    turn,
                    uuid.uuid4(),
                    os.getpid(),
                    datetime.now(),
                    time.strftime("%H:%M:%S"),
                    os.urandom(4).hex(),
                )
            if time.monotonic_ns() & 1:
                print(random.Random().random(), time.time())

    run_all([work] * workers)


@pattern
def draws(rounds: int = 25, workers: int = 3, witness: str = "") -> None:
    """One random generator for all threads, as the functions of `random` share one: who draws first gets which number?"""
    lock = threading.Lock()

    def work() -> None:
        for turn in range(rounds):
            time.sleep(random.random() / 5000)
            number = random.randrange(1 << 70) if turn % 5 == 0 else random.choice((1, 2, 3))
            with lock:
                note(witness, name(), number, random.gauss(), random.sample(range(9), 3))

    run_all([work] * workers)
    print(random.random())


@pattern
def conditions(rounds: int = 15, workers: int = 3, witness: str = "") -> None:
    """One condition for all: waits that time out, `wait_for`, `notify` of some."""
    ready = threading.Condition()
    tokens = 0

    def give() -> None:
        nonlocal tokens
        for turn in range(rounds * workers):
            with ready:
                tokens += 1
                note(witness, name(), "gives", tokens)
                ready.notify(1 + turn % 2)
            if turn % 4 == 0:
                time.sleep(0.0005)

    def is_one() -> bool:
        return tokens > 0

    def are_two() -> bool:
        return tokens > 1

    def take() -> None:
        nonlocal tokens
        for turn in range(rounds):
            with ready:
                if turn % 3 == 0:
                    while not tokens:
                        note(witness, name(), "waits", ready.wait(0.0003))
                elif turn % 3 == 1:
                    ready.wait_for(is_one)
                elif not ready.wait_for(are_two, timeout=0.0004):
                    note(witness, name(), "has no patience")
                    ready.wait_for(is_one)
                tokens -= 1
                note(witness, name(), "takes", tokens)

    run_all([give, *[take] * workers])
    print(tokens)


class Node:
    """Part of a cycle; its end is written down, in a file for each maker: between two makers nothing orders the ends."""

    def __init__(self, number: int, witness: str, lock: "threading.RLock") -> None:
        self.number, self.witness, self.lock = number, witness and f"{witness}.{name()}", lock
        self.other = self

    def __del__(self) -> None:
        with self.lock:
            note(self.witness, name(), "ends", self.number)


@pattern
def garbage(rounds: int = 250, workers: int = 3, witness: str = "") -> None:
    """Cycles that only the collector finds, wherever it happens to start; their finalisers take a lock and write."""
    lock = threading.RLock()
    gone: list[int] = []

    def work(number: int) -> None:
        for turn in range(rounds):
            node = Node(number * rounds + turn, witness, lock)
            weakref.finalize(node, gone.append, node.number)
            if turn % 5 == 0:
                with lock:
                    note(witness, name(), turn)
                time.sleep(0)

    run_all([lambda n=n: work(n) for n in range(workers)])  # type: ignore[misc]
    print(len(gone) > 0)


@pattern(expect={"failed"})
def failing(rounds: int = 30, workers: int = 3, witness: str = "") -> None:
    """Whoever comes to the last place first fails with the lock held by a `with`; the others see that it is free."""
    lock = threading.Lock()
    places = iter(range(rounds * workers // 2))

    def work() -> None:
        for _ in range(rounds):
            with lock:
                note(witness, name(), next(places))
            time.sleep(0)

    run_all([work] * workers)


@pattern
def alarms(rounds: int = 60, workers: int = 2, witness: str = "") -> None:
    """A timer's signal interrupts the main thread again and again, whose handler takes a lock of its own."""
    lock, heard = threading.Lock(), threading.RLock()
    ticks = 0

    def ring(number: int, frame: object) -> None:
        nonlocal ticks
        with heard:
            ticks += 1
            note(witness and witness + ".alarm", "tick", ticks)

    def work() -> None:
        for turn in range(rounds):
            with lock:
                note(witness, name(), turn)

    signal.signal(signal.SIGALRM, ring)
    threads = [threading.Thread(target=work, name=f"worker-{n + 1}") for n in range(workers)]
    for thread in threads:
        thread.start()
    signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
    try:
        work()
        for thread in threads:
            thread.join()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    with heard:
        print("ticks", ticks)


@pattern
def schedules(count: int = 12, workers: int = 3, witness: str = "") -> None:
    """Threads that each run a `sched.scheduler`, and a heap that they share."""
    lock = threading.Lock()
    heap: list[tuple[float, str]] = []

    def push(due: float) -> None:
        with lock:
            heapq.heappush(heap, (due, name()))
            note(witness, name(), due, len(heap))

    def work() -> None:
        scheduler = sched.scheduler(time.monotonic, time.sleep)
        for n in range(count):
            scheduler.enter(0.0002 * (n % 5), n % 3, push, (n / 1000,))
        scheduler.run()

    run_all([work] * workers)
    print([heapq.heappop(heap) for _ in range(len(heap))])


_LAZY = (
    "decimal",
    "fractions",
    "statistics",
    "difflib",
    "textwrap",
    "csv",
    "json",
    "html",
    "calendar",
    "plistlib",
    "configparser",
)


@pattern
def imports(workers: int = 4, rounds: int = 5, witness: str = "") -> None:
    """Threads that import the same modules at the same time, in different orders."""
    lock = threading.Lock()

    def work(number: int) -> None:
        chosen = random.Random(number)
        for _ in range(rounds):
            for module in chosen.sample(_LAZY, len(_LAZY)):
                __import__(module)
                with lock:
                    note(witness, name(), module)

    run_all([lambda n=n: work(n) for n in range(workers)])  # type: ignore[misc]
    print("imported")


@pattern
def families(depth: int = 4, witness: str = "") -> None:
    """Threads that start threads, local values, and lists of who is alive."""
    lock = threading.Lock()
    own = threading.local()

    def live(level: int) -> None:
        own.level = level
        with lock:
            note(witness, name(), level, sorted(thread.name for thread in threading.enumerate()))
        if level:
            children = [threading.Thread(target=live, args=(level - 1,), name=f"{name()}.{n}") for n in range(2)]
            for child in children:
                child.start()
            while any(child.is_alive() for child in children):
                time.sleep(0.0002)
            for child in set(children):
                child.join()
        with lock:
            note(witness, name(), own.level, threading.active_count())

    live(depth)
    print("all home")
