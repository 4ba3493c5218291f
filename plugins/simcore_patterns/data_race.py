"""One balance, changed by several threads without a lock."""

import threading
from typing import Literal

from simcore.api import pattern

total = 0


class Account:
    """A balance, and six ways to put 1 in; `own` is a closure's variable."""

    def __init__(self, threads: int, lock: "threading.Lock | None") -> None:
        global total
        self.balance = total = own = 0
        self.balances = {"all": 0}
        self.lock, self.meeting = lock, threading.Barrier(threads)

        def closure() -> None:
            nonlocal own
            own = self.plus_one(own)

        def look() -> int:
            return own

        self.closure, self.look = closure, look

    def plus_one(self, balance: int) -> int:
        """The sum; the first time it is made, all wait here with the balance that they have read, unless a lock lets in one."""
        if balance == 0 and self.lock is None:
            self.meeting.wait()
        return balance + 1

    def call(self) -> None:
        self.balance = self.plus_one(self.balance)

    def attribute(self) -> None:
        self.balance = self.balance + 1

    def augmented(self) -> None:
        self.balance += 1

    def item(self) -> None:
        self.balances["all"] = self.plus_one(self.balances["all"])

    def globally(self) -> None:
        global total
        total = self.plus_one(total)


def work(account: Account, style: str, updates: int) -> None:
    """Put 1 in so many times."""
    change = account.globally if style == "global" else getattr(account, style)
    for _ in range(updates):
        if account.lock is None:
            change()
        else:
            with account.lock:
                change()


@pattern(
    section="1-5",
    title="several threads, one balance, no lock: updates get lost",
    title_ja="データ競合（ロックなしの更新）",
    granularity="access",
    expect=lambda style, fixed: {"ok"} if fixed or style in ("attribute", "augmented") else {"failed"},
)
def data_race(
    style: Literal["call", "attribute", "augmented", "item", "global", "closure"] = "call",
    threads: int = 2,
    updates: int = 1000,
    fixed: bool = False,
) -> None:
    """Each of several threads reads a balance, adds 1, and writes it back; what another wrote in between is lost.

    Look at two reads in a row by different actors: both go on from one balance, and of their two writes the first might as well
    not have been. `simcore races` shows such four events, and what would have ordered them. Whether an update can get lost
    depends on what lies between its read and its write: CPython with a GIL lets another thread in at calls, returns and backward
    jumps. `style=call` calls a method there and loses updates in every Python, and so do an item, a global and a closure's
    variable that are updated so. `attribute` (`x = x + 1`) and `augmented` (`x += 1`) lose nothing on CPython since 3.10, and
    very much on a free-threaded build: leave nothing to that. With `fixed` one lock is held from the read to the write. Adding
    and taking away, as is often shown, hides what is lost: the errors cancel out.
    """
    account = Account(threads, threading.Lock() if fixed else None)
    found = [threading.Thread(target=work, args=(account, style, updates), name=f"worker-{n + 1}") for n in range(threads)]
    for thread in found:
        thread.start()
    for thread in found:
        thread.join()
    balance = account.balance + account.balances["all"] + total + account.look()
    print(f"balance {balance}, put in {threads * updates}")
    assert balance == threads * updates, f"{threads * updates - balance} updates were lost"
