"""How many threads there are: before they start, while they wait, and when they have ended."""

import threading

from simcore.api import pattern


def work(doors: threading.Event) -> None:
    """Stay until the doors open."""
    doors.wait()


@pattern(section="1-3", title="who is counted by active_count, and from when to when", title_ja="スレッド数を計算")
def count_threads(workers: int = 5) -> None:
    """`active_count` counts the threads between their start and their end, main among them.

    Look at the lives of the lanes: all of them are open at once, because every worker waits for the same event. A Thread object
    that was not started is not counted, nor is one that has ended, though both are still there. The number is of one moment:
    without the event that holds the workers some might have ended before they are counted, and to wait until it is 1 again is
    no way to wait for them. `join` is.
    """
    doors = threading.Event()
    before = threading.active_count()
    threads = [threading.Thread(target=work, args=(doors,), name=f"worker-{n + 1}") for n in range(workers)]
    assert threading.active_count() == before, "a thread that was not started is not counted"
    for number, thread in enumerate(threads, 1):
        thread.start()
        assert threading.active_count() == before + number, "one that was started is counted at once"
    assert {thread.name for thread in threads} <= {thread.name for thread in threading.enumerate()}
    print(f"with {workers} workers: {threading.active_count() - before} more than before")
    doors.set()
    for thread in threads:
        thread.join()
    assert threading.active_count() == before, "one that was joined has ended"
    assert not any(thread.is_alive() for thread in threads)
    print("after their end: as many as before")
