"""A traffic light: cars wait at red and go at green."""

from threading import Event, Thread, current_thread

from simcore.api import pattern


def drive(green: Event, crossed: list[str]) -> None:
    """Go over the crossing when the light is green."""
    if not green.is_set():
        print(f"{current_thread().name} stops\n", end="")
    green.wait()
    crossed.append(current_thread().name)


@pattern(section="1-6-4", title="cars wait at a traffic light", title_ja="イベント（Event）制御")
def event(cars: int = 3, phases: int = 2, timeout_s: float = 0.005) -> None:
    """An Event is a flag that threads can sleep on: `set`, `clear`, `is_set`, and `wait`, which returns at once while it is set.

    Look at `green`: one `set` wakes every car that waits, and a `wait` with a timeout returns whether it was set. Who waits does
    not look again and again, he sleeps until he is woken; and any thread may set the flag, not main alone. Without it a car would
    have to ask `is_set` in a loop. Between the `set` and the moment a car drives, the light may be red again: where that matters
    take a Condition, and look once more under its lock.
    """
    green = Event()
    crossed: list[str] = []
    for phase in range(phases):
        threads = [Thread(target=drive, args=(green, crossed), name=f"car-{phase + 1}-{n + 1}") for n in range(cars)]
        for thread in threads:
            thread.start()
        assert not green.wait(timeout_s), "nobody has set the light to green"
        assert len(crossed) == phase * cars, f"somebody crossed at red: {crossed}"
        green.set()
        assert green.is_set()
        assert green.wait(), "at green nobody waits"
        for thread in threads:
            thread.join()
        green.clear()
        assert not green.is_set()
        assert len(crossed) == (phase + 1) * cars, f"somebody did not cross: {crossed}"
    print(f"{len(crossed)} cars crossed in {phases} phases")
