"""Ten guests and five seats: a semaphore counts the seats, a bounded one its returns, too."""

import threading
import time

from simcore.api import pattern


class Room:
    """Who sits, and how many did at most; `guest_lock` guards both, for several may be inside at once."""

    def __init__(self, seats: int) -> None:
        self.free_seats = threading.BoundedSemaphore(seats)
        self.guest_lock = threading.Lock()
        self.guests: set[str] = set()
        self.most = 0

    def sit(self, pause_s: float) -> None:
        """Wait for a seat, sit for a while, give it back."""
        name = threading.current_thread().name
        with self.free_seats:
            with self.guest_lock:
                self.guests.add(name)
                self.most = max(self.most, len(self.guests))
            time.sleep(pause_s)
            with self.guest_lock:
                self.guests.discard(name)


@pattern(section="1-6-3", title="ten guests, five seats", title_ja="有限セマフォ（BoundedSemaphore）制御")
def bounded_semaphore(guests: int = 10, seats: int = 5, pause_s: float = 0.002) -> None:
    """A semaphore lets so many in at once; the next one waits until somebody leaves.

    Look at `free_seats`: five go through without waiting, and each later guest goes on when another one leaves. Inside they are
    several, so what they share needs a lock of its own: a semaphore guards a number of places, not data. It is as useful among
    threads as among processes: the GIL lets one run at a time, but five can be inside, each in the middle of something. One
    return too many makes a sixth seat out of nothing in a Semaphore; a BoundedSemaphore raises ValueError.
    """
    assert seats > 0, "without a seat everybody waits for ever"
    room = Room(seats)
    threads = [threading.Thread(target=room.sit, args=(pause_s,), name=f"guest-{n + 1}") for n in range(guests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert room.most <= seats, f"{room.most} sat on {seats} seats"
    careless = threading.Semaphore(1)
    careless.release()
    assert [careless.acquire(blocking=False) for _ in range(3)] == [True, True, False], "a Semaphore believes any return"
    try:
        room.free_seats.release()
        raise AssertionError("a seat was returned that nobody had")
    except ValueError as error:
        print(f"{guests} guests, never more than {seats} inside; one return too many: {error}")
