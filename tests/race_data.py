"""Programs whose threads share data of their own, recorded with granularity `access`: correct ones, and what goes wrong."""

from __future__ import annotations

CORRECT = '''\
"""Correct programs of all sorts in one."""

import collections
import contextlib
import dataclasses
import functools
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed


@dataclasses.dataclass
class Job:
    number: int
    result: int = 0
    done: bool = False


class Buffer:
    def __init__(self, size):
        self.items = collections.deque()
        self.size = size
        self.lock = threading.Lock()
        self.not_empty = threading.Condition(self.lock)
        self.not_full = threading.Condition(self.lock)

    def put(self, item):
        with self.not_full:
            while len(self.items) >= self.size:
                self.not_full.wait()
            self.items.append(item)
            self.not_empty.notify()

    def get(self):
        with self.not_empty:
            while not self.items:
                self.not_empty.wait()
            item = self.items.popleft()
            self.not_full.notify()
            return item


def buffers():
    b = Buffer(2)
    got = []

    def produce():
        for i in range(10):
            j = Job(i)
            j.result = i * 2
            b.put(j)
        b.put(None)

    def consume():
        while (j := b.get()) is not None:
            j.done = True
            got.append(j.result)

    ts = [threading.Thread(target=f) for f in (produce, consume)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    assert got == [i * 2 for i in range(10)]


class RW:
    def __init__(self):
        self.readers = 0
        self.m = threading.Lock()
        self.w = threading.Semaphore(1)
        self.data = {}

    @contextlib.contextmanager
    def reading(self):
        with self.m:
            self.readers += 1
            if self.readers == 1:
                self.w.acquire()
        yield self.data
        with self.m:
            self.readers -= 1
            if self.readers == 0:
                self.w.release()

    @contextlib.contextmanager
    def writing(self):
        with self.w:
            yield self.data


def rw():
    r = RW()

    def reader():
        for _ in range(10):
            with r.reading() as d:
                sum(d.values())

    def writer(n):
        for i in range(10):
            with r.writing() as d:
                d[i] = n

    ts = [threading.Thread(target=reader) for _ in range(2)] + [threading.Thread(target=writer, args=(n,)) for n in range(2)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()


def pool():
    results = {}

    def work(n):
        j = Job(n)
        j.result = n * n
        return j

    with ThreadPoolExecutor(3) as ex:
        fs = [ex.submit(work, n) for n in range(10)]
        for f in as_completed(fs):
            j = f.result()
            j.done = True
            results[j.number] = j.result
    with ThreadPoolExecutor(3) as ex:
        assert [j.result for j in ex.map(work, range(5))] == [0, 1, 4, 9, 16]
    assert len(results) == 10


def slots():
    out = [0] * 4
    parts = {}

    def work(n):
        for i in range(5):
            out[n] += i
        parts[n] = out[n]

    ts = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    assert out == [10] * 4 and len(parts) == 4


def queues():
    q = queue.PriorityQueue()
    d = queue.Queue(2)
    seen = []

    def w():
        while True:
            j = d.get()
            if j is None:
                d.task_done()
                return
            j.done = True
            seen.append(j.number)
            d.task_done()

    ts = [threading.Thread(target=w) for _ in range(2)]
    for t in ts:
        t.start()
    jobs = [Job(n) for n in range(6)]
    for j in jobs:
        d.put(j)
    d.join()
    assert all(j.done for j in jobs)
    for _ in ts:
        d.put(None)
    for t in ts:
        t.join()


def barrier():
    grid = [1, 2, 3]
    new = [0, 0, 0]
    b = threading.Barrier(3)

    def cell(n):
        nonlocal grid, new
        for _ in range(4):
            new[n] = grid[n - 1] + grid[(n + 1) % 3]
            if b.wait() == 0:
                grid, new = new, grid
            b.wait()

    ts = [threading.Thread(target=cell, args=(n,)) for n in range(3)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()


local = threading.local()


def locals_():
    def w(n):
        local.x = n
        for _ in range(3):
            local.x += 1
        assert local.x == n + 3

    ts = [threading.Thread(target=w, args=(n,)) for n in range(3)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()


class Events:
    def __init__(self):
        self.ready = threading.Event()
        self.value = None
        self.count = 0


def events():
    e = Events()

    def a():
        e.value = [1, 2]
        e.count += 1
        e.ready.set()

    def b():
        e.ready.wait()
        e.value.append(3)
        e.count += 1

    ts = [threading.Thread(target=f) for f in (b, a)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    assert e.value == [1, 2, 3] and e.count == 2


@functools.lru_cache(None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def cached():
    ts = [threading.Thread(target=fib, args=(15,)) for _ in range(3)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()


class Worker(threading.Thread):
    def __init__(self, n):
        super().__init__()
        self.n = n
        self.result = None
        self.stop = threading.Event()
        self.steps = 0

    def run(self):
        while not self.stop.is_set():
            self.steps += 1
            time.sleep(0.0005)
        self.result = self.steps


def workers():
    ws = [Worker(n) for n in range(2)]
    for w in ws:
        w.start()
    time.sleep(0.002)
    for w in ws:
        w.stop.set()
    for w in ws:
        w.join()
        assert w.result == w.steps


class Chain:
    """Hand over hand."""

    def __init__(self, n):
        self.locks = [threading.Lock() for _ in range(n)]
        self.vals = [0] * n

    def go(self):
        self.locks[0].acquire()
        for i in range(len(self.vals)):
            self.vals[i] += 1
            if i + 1 < len(self.vals):
                self.locks[i + 1].acquire()
            self.locks[i].release()


def chain():
    c = Chain(4)
    ts = [threading.Thread(target=c.go) for _ in range(3)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    assert c.vals == [3] * 4


def counted():
    box, lock = [0], threading.Lock()

    def add():
        for _ in range(3):
            with lock:
                box[0] += 1

    ts = [threading.Thread(target=add) for _ in range(2)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    assert box == [6]


def once():
    lock = threading.Lock()
    box = []

    def get():
        with lock:
            if not box:
                box.append(object())
            return box[0]

    ts = [threading.Thread(target=get) for _ in range(3)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()


class Timer_:
    n = 0


def timers():
    t_ = Timer_()

    def f():
        t_.n += 1

    t = threading.Timer(0.001, f)
    t_.n = 5
    t.start()
    t.join()
    assert t_.n == 6


def gens():
    lock = threading.Lock()

    def counter():
        n = 0
        while True:
            n += 1
            yield n

    c = counter()
    out = []

    def w():
        for _ in range(5):
            with lock:
                out.append(next(c))

    ts = [threading.Thread(target=w) for _ in range(3)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    assert sorted(out) == list(range(1, 16))


for f in (buffers, rw, pool, slots, queues, barrier, locals_, events, cached, workers, chain, once, counted, timers, gens):
    f()
'''

RACY = """\
import threading


def both(function, *arguments):
    threads = [threading.Thread(target=function, args=arguments) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def plus(value, amount):
    return value + amount


class Account:
    def __init__(self):
        self.called = 0
        self.augmented = 0
        self.plain = 0
        self.left = 5
        self.guarded = 0
        self.half = 0
        self.lock = threading.Lock()
        self.each = threading.Lock()


total = 0
instance = None
guard = threading.Lock()
finished = False


def update(account, counts):
    global total
    for _ in range(3):
        account.called = plus(account.called, 1)
        account.augmented += 1
        account.plain = account.plain + 1
        counts["a"] = plus(counts["a"], 1)
        total = plus(total, 1)
        with account.lock:
            account.guarded = plus(account.guarded, 1)
        with account.each:
            seen = account.half
        with account.each:
            account.half = seen + 1


def withdraw(account):
    if account.left > 0:
        print("left", account.left)
        account.left = 0


def visit(seen, key):
    if key not in seen:
        print("new", key)
        seen.add(key)


def get_instance():
    global instance
    if instance is None:
        with guard:
            if instance is None:
                instance = Account()


def watch():
    while not finished:
        pass


class Early:
    def __init__(self, registry):
        registry.append(self)
        self.ready = True


def look(registry):
    if registry:
        try:
            print(registry[0].ready)
        except AttributeError:
            pass


def append(out):
    for number in range(3):
        out.append(number)


def main():
    global finished
    account, counts, seen, registry, out = Account(), {"a": 0}, set(), [], []
    both(update, account, counts)
    both(withdraw, account)
    both(visit, seen, 1)
    both(get_instance)
    both(append, out)
    count = 0

    def bump():
        nonlocal count
        count = plus(count, 1)

    both(bump)
    watcher = threading.Thread(target=watch)
    watcher.start()
    finished = True
    watcher.join()
    maker = threading.Thread(target=Early, args=(registry,))
    maker.start()
    while not registry:
        pass
    look(registry)
    maker.join()


main()
"""
