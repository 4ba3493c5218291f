"""One balance, changed by several threads under a lock."""

import threading
import time

from simcore.api import pattern


class Account:
    """A balance and the lock that guards it."""

    def __init__(self, witness: str) -> None:
        self.balance = self.changes = 0
        self.balance_lock = threading.Lock()
        self.witness = witness

    def change(self, amount: int, pause_s: float) -> None:
        """Put the amount in and take it out again: nobody else may see the balance in between."""
        with self.balance_lock:
            before = self.balance
            self.balance = before + amount
            if pause_s:
                time.sleep(pause_s)
            self.balance -= amount
            self.changes += 1
            assert self.balance == before == 0, f"another thread changed the balance meanwhile: {self.balance}"
            if self.witness:
                with open(self.witness, "a") as file:
                    print(threading.current_thread().name, amount, file=file)


def work(account: Account, rounds: int, pause_s: float) -> None:
    """Change the account so many times, then report."""
    for amount in range(1, rounds + 1):
        account.change(amount, pause_s)
    print(f"{threading.current_thread().name} made {rounds} changes\n", end="")


@pattern(section="1-6-1", title="several threads, one balance, one lock: no update gets lost", title_ja="排他制御（mutex）")
def mutex(workers: int = 3, rounds: int = 100, pause_s: float = 0.0, witness: str = "") -> None:
    """Several threads change one balance, each time under its lock.

    Look at the hand-offs of `balance_lock`: who released it, who got it next, and how long that one had waited. Without the
    lock a thread could read the balance while another is between its two changes, and one of the updates would be lost. A pause
    inside the lock (`pause_s`) makes all the others wait: hold a lock for as short a time as you can. `witness` names a file to
    which each change is appended under the lock.
    """
    account = Account(witness)
    threads = [threading.Thread(target=work, args=(account, rounds, pause_s), name=f"worker-{n + 1}") for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.changes == workers * rounds, f"{account.changes} of {workers * rounds} changes were made"
    assert account.balance == 0, f"the balance is {account.balance}"
    print(f"balance {account.balance} after {account.changes} changes")
