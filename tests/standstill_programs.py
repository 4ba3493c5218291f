"""Two threads that take two locks in turn, and how soon that is to be seen."""

TOO_LONG_NS = 2_000_000_000
"""A deadlock is ended within this time."""

ABBA = """
import threading
a = threading.Lock()
b = threading.Lock()
met = threading.Barrier(2)
def grab(first, second):
    with first:
        met.wait()
        with second:
            pass
"""

RUN_ABBA = """
one = threading.Thread(target=grab, args=(a, b), daemon=True)
two = threading.Thread(target=grab, args=(b, a), daemon=True)
one.start(); two.start()
"""
