"""A thread as a class of one's own: what it does stands in `run`, what it knows in its attributes."""

import threading
import time
from typing import Literal

from simcore.api import pattern


class Countdown(threading.Thread):
    """Counts down from a number, and writes down which thread said each one."""

    def __init__(self, first: int, pause_s: float, name: str) -> None:
        super().__init__(name=name)  # forgotten, `start` raises RuntimeError
        self.first, self.pause_s = first, pause_s
        self.said: list[tuple[str, int]] = []

    def run(self) -> None:
        """What the new thread does; `start` has it called there."""
        for number in range(self.first, 0, -1):
            speaker = threading.current_thread().name
            print(f"{self.name}: {number}, said by {speaker}\n", end="")
            self.said.append((speaker, number))
            time.sleep(self.pause_s)


@pattern(
    section="1-2",
    title="two threads count down, each an object of its own class",
    title_ja="カスタマイズ（Thread.run のオーバーライド）",
    expect=lambda call: {"ok"} if call == "start" else {"failed"},
)
def thread_subclass(first: int = 10, pause_s: float = 0.001, call: Literal["start", "run"] = "start") -> None:
    """A subclass of Thread overrides `run`; its attributes are where its arguments come in and its results go out.

    Look at the two lanes beside main's: they begin at `start`, and take turns as those of simple-thread do, for it is the same
    thing written in another way. Nothing of a result is returned by `join`: main reads the attribute `said`, and only after it.
    With call=run there is one lane only: whoever calls `run` himself counts in his own thread, first one down to the end, then
    the other.
    """
    assert first > 0, "a countdown has a first number"
    threads = [Countdown(first, pause_s, name) for name in ("left", "right")]
    for thread in threads:
        getattr(thread, call)()
    if call == "start":
        for thread in threads:
            thread.join()
    numbers = [[number for _, number in thread.said] for thread in threads]
    assert numbers == [list(range(first, 0, -1))] * 2, f"a thread missed a number: {numbers}"
    strangers = {speaker for thread in threads for speaker, _ in thread.said} - {"left", "right"}
    assert not strangers, f"it was {', '.join(strangers)} who counted: `run` is to be called by `start`"
