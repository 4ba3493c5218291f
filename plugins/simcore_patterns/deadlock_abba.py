"""Two locks, taken in one order here and in the other there."""

import threading

from simcore.api import pattern


class Account:
    """A balance and its lock."""

    def __init__(self, balance: int) -> None:
        self.balance = balance


def move(source: Account, target: Account, locks: tuple[threading.Lock, threading.Lock], both: threading.Barrier | None) -> None:
    """Move 10 from one account to the other, holding the locks of both."""
    first, second = locks
    with first:
        if both:
            both.wait()  # each has its first lock: what else happens once in a thousand runs
        with second:
            source.balance -= 10
            target.balance += 10


@pattern(
    section="beyond",
    title="two locks in two orders: each thread has what the other wants",
    title_ja="デッドロック（ABBA）",
    expect=lambda fixed: {"ok"} if fixed else {"deadlock"},
)
def deadlock_abba(fixed: bool = False) -> None:
    """One thread takes lock A, then B; another takes B, then A; and each waits for what the other has.

    Look at the cycle: who holds which lock since where, and who wants it where. Neither thread does anything wrong by itself, it
    is the two orders together. With `fixed` both take `lock_a` first, so nobody can have B and want A. Without the barrier the
    deadlock strikes only when both are between their locks at once; `simcore locks` finds such orders in runs that went well.
    """
    account_a, account_b = Account(100), Account(100)
    lock_a = threading.Lock()
    lock_b = threading.Lock()
    both = None if fixed else threading.Barrier(2)
    other_order = (lock_a, lock_b) if fixed else (lock_b, lock_a)
    threads = [
        threading.Thread(target=move, args=(account_a, account_b, (lock_a, lock_b), both), name="a-to-b"),
        threading.Thread(target=move, args=(account_b, account_a, other_order, both), name="b-to-a"),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (account_a.balance, account_b.balance) == (100, 100)
    print("both moves are done")
