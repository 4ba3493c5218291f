"""One balance, changed by several threads without a lock."""

import threading
from contextlib import nullcontext
from typing import Literal

from simcore.api import pattern

Style = Literal["call", "attribute", "augmented", "item", "global", "closure"]
total = 0


class Account:
    """A balance, with a lock or without."""

    def __init__(self, threads: int, lock: "threading.Lock | None") -> None:
        self.balance, self.balances = 0, {"all": 0}
        self.lock, self.meeting = lock, threading.Barrier(threads)

    def plus_one(self, balance: int) -> int:
        """The sum; the first time it is made, all wait here with the balance that they have read, unless a lock lets in one."""
        if balance == 0 and self.lock is None:
            self.meeting.wait()
        return balance + 1


@pattern(
    section="1-5",
    title="several threads, one balance, no lock: updates get lost",
    title_ja="データ競合（ロックなしの更新）",
    granularity="access",
    expect=lambda style, fixed: {"ok"} if fixed or style in ("attribute", "augmented") else {"failed"},
)
def data_race(style: Style = "call", threads: int = 2, updates: int = 1000, fixed: bool = False) -> None:
    """Each of several threads reads a balance, adds 1, and writes it back; what another wrote in between is lost.

    Look at two reads in a row by different actors: both go on from one balance, and of their writes the first might as well not
    have been. `simcore races` shows them. CPython with a GIL lets another thread in at calls, returns and backward jumps: a call
    between read and write loses updates in every Python, be it of an attribute, an item, a global or a closure's variable.
    `x = x + 1` and `x += 1` lose none since 3.10, and many on a free-threaded build: leave nothing to that. With `fixed` one
    lock is held from the read to the write. Adding and taking away in turns would hide what is lost: errors cancel out.
    """
    global total
    total = own = 0
    account = Account(threads, threading.Lock() if fixed else None)

    def work() -> None:
        nonlocal own
        global total
        for _ in range(updates):
            with account.lock or nullcontext():
                if style == "call":
                    account.balance = account.plus_one(account.balance)
                elif style == "attribute":
                    account.balance = account.balance + 1
                elif style == "augmented":
                    account.balance += 1
                elif style == "item":
                    account.balances["all"] = account.plus_one(account.balances["all"])
                elif style == "global":
                    total = account.plus_one(total)
                else:
                    own = account.plus_one(own)

    found = [threading.Thread(target=work, name=f"worker-{n + 1}") for n in range(threads)]
    for thread in found:
        thread.start()
    for thread in found:
        thread.join()
    lost = threads * updates - account.balance - account.balances["all"] - total - own
    assert lost == 0, f"{lost} of {threads * updates} updates were lost"
