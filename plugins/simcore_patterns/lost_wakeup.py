"""A notification that comes while nobody waits yet, and is lost."""

import threading

from simcore.api import pattern


class Oven:
    """Bread that is ready at some time; `bell` wakes whoever waits for it."""

    def __init__(self) -> None:
        self.ready = False
        self.bell = threading.Condition()
        self.looked, self.rung = threading.Event(), threading.Event()

    def wait_hastily(self, timeout_s: float) -> None:
        """Look first and wait then: what happens in between is missed. 0 for the timeout is none."""
        if not self.ready:
            self.looked.set()
            self.rung.wait()  # the gap, made wide enough for the bell to ring in it
            with self.bell:
                assert not self.bell.wait(timeout_s or None), "somebody rang a second time"

    def wait_well(self, timeout_s: float) -> None:
        """Look under the lock, which `wait` gives back only when it already waits; and look again."""
        with self.bell:
            self.looked.set()
            while not self.ready:
                self.bell.wait(timeout_s or None)

    def bake(self) -> None:
        """Bread is ready once somebody has looked for it in vain."""
        self.looked.wait()
        with self.bell:
            self.ready = True
            self.bell.notify_all()
        self.rung.set()


@pattern(
    section="beyond",
    title="notified a moment before the wait",
    title_ja="失われた通知（lost wakeup）",
    expect=lambda fixed, timeout_s: {"ok"} if fixed or timeout_s else {"stalled"},
)
def lost_wakeup(timeout_s: float = 0.0, fixed: bool = False) -> None:
    """A Condition remembers nothing: a `notify` wakes those who wait at that moment, and nobody who comes later.

    Look at what the baker does between the customer's look and his `wait`: he notifies, and there is nobody to wake. The
    customer then waits for what has already happened, and no lock is to blame, so it is no deadlock: nobody owns what he waits
    for. With `fixed` he looks under the lock, in a loop; the baker needs that lock, and gets it only when the customer waits:
    who notifies without it is refused. An Event would do, too: it stays set. With timeout_s=0.1 the customer wakes by himself,
    late, and the bug is hidden.
    """
    oven = Oven()
    try:
        oven.bell.notify()
        raise AssertionError("somebody rang without the lock")
    except RuntimeError as error:
        print(f"without the lock: {error}")
    customer = threading.Thread(target=oven.wait_well if fixed else oven.wait_hastily, args=(timeout_s,), name="customer")
    baker = threading.Thread(target=oven.bake, name="baker")
    for thread in (customer, baker):
        thread.start()
    for thread in (baker, customer):
        thread.join()
    assert oven.ready
    print("the customer has his bread")
