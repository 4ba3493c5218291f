"""Philosophers at a round table, a fork between any two of them, and two forks needed to eat."""

import threading
import time

from simcore.api import pattern


def dine(
    left: threading.Lock, right: threading.Lock, rounds: int, pause_s: float, all_have_one: threading.Barrier | None
) -> None:
    """Eat so many times: take one fork, then the other."""
    name = threading.current_thread().name
    for number in range(rounds):
        with left:
            if all_have_one:
                all_have_one.wait()  # everybody has his first fork: no luck is needed for what comes
            with right:
                print(f"{name} eats for the {number + 1}. time\n", end="")
                time.sleep(pause_s)


@pattern(
    section="beyond",
    title="each has one fork and waits for his neighbour's",
    title_ja="食事する哲学者の問題",
    expect=lambda fixed: {"ok"} if fixed else {"deadlock"},
)
def dining_philosophers(seats: int = 5, rounds: int = 2, pause_s: float = 0.0005, fixed: bool = False) -> None:
    """Everybody takes the fork at his left, then waits for the one at his right, which is his neighbour's left.

    Look at the cycle: it goes around the whole table, through as many locks as there are seats, and no two of the threads would
    do for it. With `fixed` the last one takes his forks the other way round, so that all take the fork with the smaller number
    first: then the one with the highest number in hand wants nothing more that anybody else has, and eats. Another way is a
    semaphore that lets one fewer sit down than there are seats.
    """
    assert seats > 1, "one alone has no neighbour"
    forks = [threading.Lock() for _ in range(seats)]
    all_have_one = None if fixed else threading.Barrier(seats)
    diners = []
    for seat in range(seats):
        pair = [forks[seat], forks[(seat + 1) % seats]]
        if fixed and seat == seats - 1:
            pair.reverse()
        diners.append(threading.Thread(target=dine, args=(*pair, rounds, pause_s, all_have_one), name=f"philosopher-{seat + 1}"))
    for diner in diners:
        diner.start()
    for diner in diners:
        diner.join()
    assert not any(fork.locked() for fork in forks), "all forks are back on the table"
    print(f"{seats} philosophers have eaten {rounds} times each")
