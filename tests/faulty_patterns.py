"""Patterns that cannot be relied on, each for another reason, and some that can: a plugin file for the tests of the check."""

import os
import random
import sys
import time
from datetime import datetime
from pathlib import Path
from threading import Lock, Thread, get_ident

from simcore.api import pattern


class Job:
    """Has the default hash and the default text."""

    def __init__(self, number: int) -> None:
        self.number = number


@pattern(section="faulty")
def addresses() -> None:
    """Goes through a set of objects."""
    jobs = {Job(number) for number in range(8)}
    done = []
    for job in jobs:  # here: addresses
        done.append(job.number)
    print(done)


@pattern(section="faulty")
def addresses_in_steps() -> None:
    """The set decides which lock is taken next."""
    locks = [Lock(), Lock()]
    for job in {Job(number) for number in range(20)}:  # here: addresses-in-steps
        with locks[job.number % 2]:
            pass


@pattern(section="faulty")
def printed() -> None:
    """Writes an object as Python does."""
    print(f"working on {Job(1)}")  # here: printed


@pattern(section="faulty")
def wall_clock() -> None:
    """Writes what time it is."""
    now = datetime.now()  # here: wall-clock
    print(f"it is {now}")


@pattern(section="faulty")
def wall_clock_in_steps() -> None:
    """The clock decides how often a lock is taken."""
    lock = Lock()
    for _ in range(time.time_ns() // 1000 % 997):  # here: wall-clock-in-steps
        with lock:
            pass


@pattern(section="faulty")
def listing() -> None:
    """Goes through a folder as it is listed."""
    folder = Path("things")
    folder.mkdir(exist_ok=True)
    for number in range(4):
        (folder / str(number)).touch()
    for entry in folder.iterdir():  # here: listing
        print(entry.name)


@pattern(section="faulty")
def idents() -> None:
    """Writes two numbers, of which a replay has the first from the trace."""
    print(os.getpid(), get_ident())  # here: idents


@pattern(section="faulty")
def file_that_changes() -> None:
    """Reads what its last run has written."""
    count = Path("count")
    number = int(count.read_text()) if count.exists() else 0  # here: file-that-changes
    count.write_text(str(number + 1))
    print("run", number)


@pattern(section="faulty")
def typed() -> None:
    """Waits for a word of its user."""
    print("typed", sys.stdin.readline())  # here: typed


@pattern(section="faulty", expect={"failed"})
def not_as_declared() -> None:
    """Says that it fails."""
    print("all is well")


@pattern(section="good")
def sorted_listing() -> None:
    """Goes through a folder by name."""
    folder = Path("things")
    folder.mkdir(exist_ok=True)
    for number in range(4):
        (folder / str(number)).touch()
    print(sorted(os.listdir(folder)), len({Job(1), Job(2)}), random.Random(7).random())


@pattern(section="good")
def any_order() -> None:
    """Threads that write in whatever order they come."""
    lock = Lock()
    order = []

    def work(number: int) -> None:
        with lock:
            order.append(number)
        print("worker", number)

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(order)
