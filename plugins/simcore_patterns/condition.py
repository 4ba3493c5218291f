"""A producer and its consumers, who sleep on a condition until there is something to take."""

from threading import Condition, Lock, Thread, current_thread
from typing import Literal

from simcore.api import pattern


class Shelf:
    """Items, and two conditions on one lock: `filled` wakes consumers, `quiet` tells the producer that all of them sleep."""

    def __init__(self, consumers: int) -> None:
        self.items: list[int] = []
        self.taken: list[int | None] = []
        self.consumers, self.asleep = consumers, 0
        self.lock = Lock()
        self.filled, self.quiet = Condition(self.lock), Condition(self.lock)

    def put(self, items: list[int], wake_all: bool) -> None:
        """Wait until every consumer sleeps, then put the items there and wake one consumer or all."""
        with self.lock:
            self.quiet.wait_for(lambda: self.asleep == self.consumers)
            self.items += items
            self.asleep = 0 if wake_all else self.asleep - 1
            self.filled.notify_all() if wake_all else self.filled.notify()

    def consume(self, style: str, witness: str) -> None:
        """Take items, sleeping while there are none, until a -1 comes."""
        item: int | None = 0
        while item != -1:
            with self.lock:
                while not self.items:
                    self.asleep += 1
                    self.quiet.notify()
                    self.filled.wait()
                    if style == "if":
                        break  # an `if` in place of the `while` does not look again
                item = self.items.pop() if self.items else None
                self.taken.append(item)
                if witness:
                    with open(witness, "a") as file:
                        print(current_thread().name, item, file=file)


@pattern(
    section="1-6-6",
    title="why one waits in a loop",
    title_ja="条件（Condition）制御",
    expect=lambda style: {"failed"} if style == "if" else {"ok"},
)
def condition(items: int = 20, consumers: int = 3, style: Literal["while", "if"] = "while", witness: str = "") -> None:
    """Consumers sleep in `wait`; main puts items on a shelf and wakes them, one with `notify` or all with `notify_all`.

    Look at what follows a `notify_all`: every consumer wakes, one takes the item, the others find nothing. In a `while` loop
    they look again and sleep on; with style=if they take from an empty shelf. `witness` names a file that lists what was taken.
    """
    assert min(items, consumers - 1) > 0, "with no item, or one consumer at most, nobody can find the shelf empty"
    shelf = Shelf(consumers)
    threads = [Thread(target=shelf.consume, args=(style, witness), name=f"consumer-{n + 1}") for n in range(consumers)]
    for thread in threads:
        thread.start()
    for item in range(items):
        shelf.put([item], wake_all=item % 2 == 0)
    shelf.put([-1] * consumers, wake_all=True)
    for thread in threads:
        thread.join()
    assert None not in shelf.taken, "a consumer woke up and took from an empty shelf"
    print(f"{consumers} consumers took {items} items")
