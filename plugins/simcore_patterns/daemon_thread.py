"""Threads that keep a journal in the background, and what becomes of them when main ends."""

from queue import Queue
from threading import Thread, current_thread

from simcore.api import pattern


def keep(lines: "Queue[str | None]", closed: list[str]) -> None:
    """Write down what comes until a None does, then close the journal."""
    name = current_thread().name
    try:
        while (line := lines.get()) is not None:
            print(f"{name}: {line}\n", end="")
            lines.task_done()
    finally:
        closed.append(name)
        print(f"{name}: closed\n", end="")


@pattern(
    section="1-4",
    title="daemon threads are cut off when main ends",
    title_ja="デーモンスレッド",
    expect=lambda daemon, fixed: {"ok"} if daemon or fixed else {"stalled"},
)
def daemon_thread(workers: int = 2, lines: int = 4, daemon: bool = True, fixed: bool = False) -> None:
    """A daemon thread is one that the program does not wait for at its end.

    Look at the last events of the writers: they wait for a line, main ends, and the `finally` that closes the journal never runs;
    no exception tells them. Not every worker is such a thread: `daemon` is a flag, false for what main creates unless main says
    otherwise, and it keeps no thread alive: it is the others that are waited for. With daemon=false the interpreter waits at its
    end for writers who wait for main, for ever. With `fixed` main says that there is no more, and joins.
    """
    orders: list[Queue[str | None]] = [Queue() for _ in range(workers)]
    closed: list[str] = []
    writers = [Thread(target=keep, args=(order, closed), name=f"journal-{n}", daemon=daemon) for n, order in enumerate(orders, 1)]
    for writer in writers:
        writer.start()
    for order in orders:
        for number in range(lines):
            order.put(f"line {number + 1}")
        order.join()  # all lines are written; the thread goes on to wait for the next
    if fixed:
        for order, writer in zip(orders, writers, strict=True):
            order.put(None)
            writer.join()
    assert [writer.is_alive() for writer in writers] == [not fixed] * workers
    assert len(closed) == (workers if fixed else 0), f"closed: {closed}"
    print("main ends")
