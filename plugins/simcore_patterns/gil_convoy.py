"""A thread that mostly waits beside one that only computes, and how late the first one is for it."""

import sys
import threading
import time
from statistics import median

from simcore.api import pattern


def fetch(rounds: int, io_s: float, late: list[float]) -> None:
    """Do so many short waits, each as long as a small read takes; note how much later each one was over."""
    for _ in range(rounds):
        begin = time.perf_counter()
        time.sleep(io_s)  # like any read it gives the interpreter away, and wants it back afterwards
        late.append(time.perf_counter() - begin - io_s)


def compute(enough: threading.Event) -> None:
    """Compute until told to stop; never gives the interpreter away by itself."""
    number = 1
    while not enough.is_set():
        for _ in range(100_000):  # a few milliseconds
            number = number * 3 % 1_000_003


@pattern(section="1-4", title="waiting beside a thread that computes: the convoy", title_ja="GILとコンボイ効果（Convoy Effect）")
def gil_convoy(rounds: int = 15, io_s: float = 0.0005, switch_s: float = 0.005) -> None:
    """One lock, the GIL, lets one thread at a time run Python; who computes keeps it for `switch_s` when another wants it.

    Look at the sleeps of `fetch-beside`: each takes its time and then about a switch interval more, and those of `fetch-alone` do
    not. Each short wait gives the interpreter away, the computing thread takes it, and only gives it back when its interval is
    over. So threads that compute make those slow that serve somebody; give computing to a process, or try switch_s=0.0005, which
    costs the computing thread more switches. No lock of the program is involved: the GIL has no events. On a busy machine both
    are late, and on a Python without a GIL neither is.
    """
    assert rounds > 0, "somebody has to wait"
    before = sys.getswitchinterval()
    sys.setswitchinterval(switch_s)
    alone: list[float] = []
    beside: list[float] = []
    enough = threading.Event()
    computer = threading.Thread(target=compute, args=(enough,), name="compute")
    for name, late in (("fetch-alone", alone), ("fetch-beside", beside)):
        if late is beside:
            computer.start()
        fetcher = threading.Thread(target=fetch, args=(rounds, io_s, late), name=name)
        fetcher.start()
        fetcher.join()
    enough.set()
    computer.join()
    sys.setswitchinterval(before)
    print(f"late by {median(alone) * 1000:.2f} ms alone, by {median(beside) * 1000:.2f} ms beside one who computes")
    assert len(alone) == len(beside) == rounds, "a wait is missing"
    assert min(alone + beside) > -0.0001, "a wait was over too early"  # how late it was is not the program's to promise
