"""A producer and its consumers, who sleep on a condition until there is something to take."""

from threading import Condition, Lock, Thread, current_thread
from typing import Literal

from simcore.api import pattern


class Shelf:
    """Items, and two conditions on one lock: `filled` wakes consumers, `quiet` tells the producer that all of them sleep."""

    def __init__(self, consumers: int) -> None:
        self.items: list[int | None] = []
        self.present, self.asleep = consumers, 0
        self.lock = Lock()
        self.filled, self.quiet = Condition(self.lock), Condition(self.lock)

    def put(self, items: list[int | None], wake_all: bool) -> None:
        """Wait until every consumer sleeps, then put the items there and wake one consumer or all."""
        with self.lock:
            self.quiet.wait_for(lambda: self.asleep == self.present)
            self.items += items
            self.asleep = 0 if wake_all else self.asleep - 1
            self.filled.notify_all() if wake_all else self.filled.notify()

    def take(self, style: str, witness: str) -> int | None:
        """Sleep until there is an item; None says that no more will come."""
        with self.lock:
            while not self.items:
                self.asleep += 1
                self.quiet.notify()
                self.filled.wait()
                if style == "if":
                    break  # an `if` in place of the `while` does not look again
            if not self.items:
                self.present -= 1
                raise LookupError("woke up and found the shelf empty")
            if witness:
                with open(witness, "a") as file:
                    print(current_thread().name, self.items[-1], file=file)
            return self.items.pop()


@pattern(
    section="1-6-6",
    title="a producer wakes its consumers: why they wait in a while loop",
    expect=lambda style, consumers, items: {"failed"} if style == "if" and consumers > 1 and items > 0 else {"ok"},
)
def condition(items: int = 20, consumers: int = 3, style: Literal["while", "if"] = "while", witness: str = "") -> None:
    """Consumers sleep in `wait`; main puts items on a shelf and wakes them, one with `notify` or all with `notify_all`.

    Look at what follows a `notify_all`: every consumer wakes, one takes the item, the others find nothing. In a `while` loop
    they look again and sleep on; with style=if they take from an empty shelf. `wait` gives the lock back while it sleeps and
    has it again when it returns. `witness` names a file to which each taking is appended under the lock.
    """
    assert consumers > 0, "without a consumer nothing is ever taken"
    shelf = Shelf(consumers)
    taken: list[int] = []

    def consume() -> None:
        while (item := shelf.take(style, witness)) is not None:
            taken.append(item)

    threads = [Thread(target=consume, name=f"consumer-{n + 1}") for n in range(consumers)]
    for thread in threads:
        thread.start()
    for item in range(items):
        shelf.put([item], wake_all=item % 2 == 0)
    shelf.put([None] * consumers, wake_all=True)
    for thread in threads:
        thread.join()
    assert shelf.present == consumers, f"{consumers - shelf.present} of {consumers} consumers woke to an empty shelf and died"
    assert len(taken) == items, f"{len(taken)} of {items} items were taken"
