"""Loops whose cost `cost.py` measures, plain, under `simcore record` and under VizTracer: `loops.py NAME TURNS FILE`.

Each loop measures itself, so that starting the interpreter, the recorder and the threads is not part of it, and writes its wall
time and CPU time in seconds to FILE.
"""

import json
import queue
import sys
import threading
import time
from collections.abc import Callable

Times = tuple[float, float]


def alone(body: Callable[[], None]) -> Times:
    """Wall time and this thread's CPU time."""
    wall, cpu = time.perf_counter(), time.thread_time()
    body()
    return time.perf_counter() - wall, time.thread_time() - cpu


def together(*bodies: Callable[[], None]) -> Times:
    """Wall time and the process's CPU time until all are done; the first runs in this thread, each other in one of its own."""
    doors = [threading.Lock() for _ in bodies[1:]]
    for door in doors:
        door.acquire()

    def enter(door: threading.Lock, body: Callable[[], None]) -> None:
        with door:
            body()

    threads = [threading.Thread(target=enter, args=pair) for pair in zip(doors, bodies[1:], strict=True)]
    for thread in threads:
        thread.start()
    wall, cpu = time.perf_counter(), time.process_time()
    for door in doors:
        door.release()
    bodies[0]()
    for thread in threads:
        thread.join()
    return time.perf_counter() - wall, time.process_time() - cpu


def lock(turns: int) -> Times:
    """`with lock: pass`."""
    mine = threading.Lock()

    def body() -> None:
        for _ in range(turns):
            with mine:
                pass

    return alone(body)


def ten_lines(turns: int) -> Times:
    """`with lock: pass` on ten lines one after the other: the cost of the loop itself hardly counts."""
    mine = threading.Lock()

    def body() -> None:
        for _ in range(turns // 10):
            with mine:
                pass
            with mine:
                pass
            with mine:
                pass
            with mine:
                pass
            with mine:
                pass
            with mine:
                pass
            with mine:
                pass
            with mine:
                pass
            with mine:
                pass
            with mine:
                pass

    return alone(body)


def calls(turns: int) -> Times:
    """`lock.acquire()` and `lock.release()`."""
    mine = threading.Lock()

    def body() -> None:
        for _ in range(turns):
            mine.acquire()
            mine.release()

    return alone(body)


def rlock(turns: int) -> Times:
    """`with rlock: pass`."""
    mine = threading.RLock()

    def body() -> None:
        for _ in range(turns):
            with mine:
                pass

    return alone(body)


def contended(number: int, turns: int) -> Times:
    """So many threads that add to one number under one lock, `turns` times altogether."""
    mine = threading.Lock()
    total = 0

    def body() -> None:
        nonlocal total
        for _ in range(turns // number):
            with mine:
                total += 1

    times = together(*[body] * number)
    assert total == turns // number * number
    return times


def condition(turns: int) -> Times:
    """Two threads at one Condition that take turns: a notify, a wait and a hand-off for each."""
    ready = threading.Condition()
    at = 0

    def play(own: int) -> None:
        nonlocal at
        for _ in range(turns // 2):
            with ready:
                while at != own:
                    ready.wait()
                at = 1 - own
                ready.notify()

    return together(lambda: play(0), lambda: play(1))


def queues(turns: int) -> Times:
    """An item goes to and fro between two threads over two Queues: a put, a get and a hand-off for each."""
    there: queue.Queue[int] = queue.Queue()
    back: queue.Queue[int] = queue.Queue()

    def serve() -> None:
        for item in range(turns // 2):
            there.put(item)
            back.get()

    def answer() -> None:
        for _ in range(turns // 2):
            back.put(there.get())

    return together(serve, answer)


def stream(turns: int) -> Times:
    """Items in one direction through a Queue that holds ten: mostly a put and a get without a hand-off."""
    line: queue.Queue[int] = queue.Queue(10)

    def put() -> None:
        for item in range(turns):
            line.put(item)

    def get() -> None:
        for _ in range(turns):
            line.get()

    return together(put, get)


LOOPS: dict[str, Callable[[int], Times]] = {
    "lock": lock,
    "ten-lines": ten_lines,
    "calls": calls,
    "rlock": rlock,
    "contended-1": lambda turns: contended(1, turns),
    "contended-2": lambda turns: contended(2, turns),
    "contended-4": lambda turns: contended(4, turns),
    "condition": condition,
    "queues": queues,
    "stream": stream,
}


def main() -> None:
    """Run one loop and write down its times."""
    name, turns, file = sys.argv[1:]
    times = LOOPS[name](int(turns))
    with open(file, "w", encoding="utf-8") as out:
        json.dump(times, out)


if __name__ == "__main__":
    main()
