"""Stages with queues between them, and one that dies in the middle."""

from collections.abc import Callable
from queue import Queue
from threading import Thread
from typing import Any

from simcore.api import pattern


def stage(work: Callable[[Any], Any], inbox: "Queue[Any]", outbox: "Queue[Any]", fixed: bool) -> None:
    """Take items until a None comes, and pass on what came of them, at last the None."""
    while (item := inbox.get()) is not None:
        try:
            result = item if isinstance(item, Exception) else work(item)
        except ZeroDivisionError as error:
            if not fixed:
                raise
            result = error  # goes on in the item's place, for the end of the line to see
        outbox.put(result)
    outbox.put(None)


def feed(numbers: int, outbox: "Queue[Any]") -> None:
    """Put the numbers into the line, then the None that ends it."""
    for number in range(numbers):
        outbox.put(number)
    outbox.put(None)


@pattern(
    section="beyond",
    title="a stage dies, and the whole line stands still",
    title_ja="パイプライン",
    expect=lambda fixed, zero_at, numbers: {"ok"} if fixed or not 0 <= zero_at < numbers else {"stalled"},
)
def pipeline(numbers: int = 12, capacity: int = 2, zero_at: int = 5, fixed: bool = False) -> None:
    """Each stage is a thread that takes from one queue and puts into the next; the queues are short, so that nobody runs ahead.

    Look at how full the queues are: the one before the slowest stage is full, the one behind it empty. That stage fails at the
    number `zero_at`, and its thread ends: the stage before it waits for room in a full queue, the one behind it for items that
    never come, and main for the end of the line. With `fixed` an error is passed on like a result, and so is the end.
    """
    lines: list[Queue[Any]] = [Queue(capacity) for _ in range(4)]
    stages: list[tuple[str, Callable[[Any], Any]]] = [
        ("shift", lambda number: number - zero_at),
        ("divide", lambda number: 60 / number),
        ("round", round),
    ]
    threads = [Thread(target=feed, args=(numbers, lines[0]), name="feed")]
    for (name, work), inbox, outbox in zip(stages, lines, lines[1:], strict=False):
        threads.append(Thread(target=stage, args=(work, inbox, outbox, fixed), name=name))
    for thread in threads:
        thread.start()
    results = list(iter(lines[-1].get, None))
    for thread in threads:
        thread.join()
    failed = [number for number, result in enumerate(results) if isinstance(result, Exception)]
    assert len(results) == numbers, f"{len(results)} of {numbers} came out"
    assert failed == ([zero_at] if 0 <= zero_at < numbers else []), f"these failed: {failed}"
    print(f"{numbers} numbers went through, {len(failed)} of them failed on the way")
