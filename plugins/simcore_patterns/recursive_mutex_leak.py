"""A reentrant lock, acquired three times and released once."""

import threading

from simcore.api import pattern


class Account:
    """A balance whose methods each take the lock, so that they may be called alone or from one another."""

    def __init__(self, fixed: bool) -> None:
        self.balance = 0
        self.account_lock = threading.RLock()
        self.fixed = fixed

    def add(self, amount: int) -> None:
        """Put the amount in; forgets to give the lock back."""
        self.account_lock.acquire()
        self.balance += amount
        if self.fixed:
            self.account_lock.release()

    def take(self, amount: int) -> None:
        """Take the amount out; forgets to give the lock back."""
        self.account_lock.acquire()
        self.balance -= amount
        if self.fixed:
            self.account_lock.release()

    def serve(self, amount: int, doors: threading.Event) -> None:
        """Both at once when the doors open: holds the lock three deep, and gives back one."""
        doors.wait()
        self.account_lock.acquire()
        self.add(amount)
        self.take(amount)
        print(f"{threading.current_thread().name}: balance {self.balance}")
        self.account_lock.release()


@pattern(
    section="1-6-2",
    title="acquired three times, released once",
    title_ja="再帰排他制御の解放忘れ",
    expect=lambda fixed: {"ok"} if fixed else {"deadlock"},
)
def recursive_mutex_leak(fixed: bool = False) -> None:
    """An RLock counts how often its owner took it, and is free only after as many releases.

    Look at the depth of `account_lock`: each helper takes it once more, up to three, and only one release follows. The thread
    ends, the lock stays with it, and the second thread waits for ever, and main for that thread. With `fixed` each method gives
    back what it took; a `with` statement would never have forgotten.
    """
    account = Account(fixed)
    doors = threading.Event()
    tellers = [threading.Thread(target=account.serve, args=(10, doors), name=f"teller-{n}") for n in (1, 2)]
    for teller in tellers:
        teller.start()
    doors.set()  # not before both are there: one who starts after the other's end may get his number, and with it his lock
    for teller in tellers:
        teller.join()
    assert account.balance == 0, f"the balance is {account.balance}"
