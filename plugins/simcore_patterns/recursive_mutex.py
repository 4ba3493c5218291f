"""One balance whose methods take its lock, alone and from one another."""

import threading
from typing import Literal

from simcore.api import pattern


class Account:
    """A balance; each method may be called by itself, so each takes the lock."""

    def __init__(self, lock: str) -> None:
        self.balance = 0
        self.deepest = 0
        self.account_lock = threading.RLock() if lock == "RLock" else threading.Lock()

    def add(self, amount: int, depth: int = 1) -> None:
        """Put the amount in."""
        with self.account_lock:
            self.deepest = max(self.deepest, depth)
            self.balance += amount

    def take(self, amount: int, depth: int = 1) -> None:
        """Take the amount out: an addition of what is less than nothing."""
        with self.account_lock:
            self.add(-amount, depth + 1)

    def move(self, amount: int) -> None:
        """Put in and take out as one step: nobody sees the balance in between."""
        with self.account_lock:
            self.add(amount, 2)
            self.take(amount, 2)
            assert self.balance == 0, f"another thread changed the balance meanwhile: {self.balance}"


def work(account: Account, rounds: int) -> None:
    """Move each amount once."""
    for amount in range(1, rounds + 1):
        account.move(amount)


@pattern(
    section="1-6-2",
    title="methods that take one lock and call each other",
    title_ja="再帰排他制御（recursive_mutex）",
    expect=lambda lock: {"ok"} if lock == "RLock" else {"deadlock"},
)
def recursive_mutex(workers: int = 2, rounds: int = 5, lock: Literal["RLock", "Lock"] = "RLock") -> None:
    """Whoever holds an RLock may take it again, and it is free after as many releases.

    Look at the depth of `account_lock`: `move` holds it once, `add` below it makes two, `add` below `take` makes three, and the
    next thread gets it only when it is back at zero, so all of `move` is one step. With lock=Lock the first `add` waits for ever:
    a Lock does not know who holds it, and its holder has to wait like anyone.
    """
    assert workers > 0, "somebody has to work"
    account = Account(lock)
    threads = [threading.Thread(target=work, args=(account, rounds), name=f"worker-{n + 1}") for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.balance == 0, f"the balance is {account.balance}"
    assert account.deepest == (3 if rounds else 0), f"the lock was held {account.deepest} deep"
    print(f"balance {account.balance}, the lock was held up to {account.deepest} deep")
