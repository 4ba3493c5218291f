"""Two timers: one goes off, the other is cancelled before it does."""

import threading
import time

from simcore.api import pattern


def ring(name: str, rung: list[str]) -> None:
    """What the timer is set to do."""
    print(f"{name} rings in {threading.current_thread().name}\n", end="")
    rung.append(name)


@pattern(section="1-6-5", title="a timer that goes off, and one that is cancelled", title_ja="タイマー（Timer）制御")
def timer(interval_s: float = 0.01, cancel_after_s: float = 0.0) -> None:
    """A Timer is a thread that waits on an Event with a timeout and then calls a function once.

    Look at the two lanes beside main's: both begin with a wait on `finished`. For the first the time runs out, and it calls the
    function itself, so what rings runs in another thread than main and needs locks as any thread does. `cancel` sets the event
    of the second: it wakes early and ends without a call. Cancelled too late it has no effect. A Timer that nobody cancels keeps
    the program alive until it has gone off, and it goes off no sooner than asked, but maybe later.
    """
    rung: list[str] = []
    begin = time.monotonic()
    egg = threading.Timer(interval_s, ring, args=("egg", rung))
    tea = threading.Timer(60, ring, args=("tea", rung))
    egg.name, tea.name = "egg-timer", "tea-timer"
    egg.start()
    tea.start()
    time.sleep(cancel_after_s)
    tea.cancel()
    tea.join()
    egg.join()
    assert time.monotonic() - begin >= interval_s, "the egg came too early"
    egg.cancel()
    assert egg.finished.is_set(), "a timer has finished when it went off, and when it was cancelled"
    assert rung == ["egg"], f"these rang: {rung}"
    print("the egg is ready, the tea was cancelled")
