"""Two threads that count down, and a main thread that waits for them."""

import threading
import time

from simcore.api import pattern


def count_down(start: int, pause_s: float, seen: list[int]) -> None:
    """Print the numbers from `start` down to 1 under this thread's own name."""
    for number in range(start, 0, -1):
        print(f"{threading.current_thread().name}: {number}\n", end="")  # one write: nobody comes before the line ends
        seen.append(number)
        time.sleep(pause_s)


@pattern(section="1-1", title="two threads count down in turns", title_ja="インスタンス化")
def simple_thread(start: int = 10, pause_s: float = 0.001) -> None:
    """Two threads count down, and main joins both.

    Look at the places where the lanes change: nobody tells the threads to take turns, but whoever prints or sleeps gives the
    interpreter away, and the other goes on. One thread was given a name, the other is called what Python calls it. Without `join`
    main would look at the numbers before they are all there. With pause_s=0 the turns become longer and less even.
    """
    seen: tuple[list[int], list[int]] = ([], [])
    threads = (
        threading.Thread(target=count_down, args=(start, pause_s, seen[0])),
        threading.Thread(target=count_down, args=(start, pause_s, seen[1]), name="named"),
    )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[0] == seen[1] == list(range(start, 0, -1)), f"a thread missed a number: {seen}"
    print("both have finished")
