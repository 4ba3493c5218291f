"""An object that is made when it is first wanted, and looked for without a lock."""

import threading

from simcore.api import pattern


class Engine:
    """What takes a while to make: its tank is empty at first."""

    fuel = 0


class Garage:
    """Has one engine, made when it is first asked for."""

    def __init__(self, fixed: bool) -> None:
        self.engine: Engine | None = None
        self.lock, self.filled, self.fixed = threading.Lock(), threading.Event(), fixed

    def make(self) -> Engine:
        """An engine; hastily it is shown before it is ready."""
        engine = Engine()
        if not self.fixed:
            self.engine = engine
            self.filled.wait()  # the gap, made wide enough for somebody to look
        engine.fuel = 10
        self.engine = engine
        return engine

    def get(self) -> Engine:
        """Look without the lock; under it look again, and make it."""
        if self.fixed:
            with self.lock:
                return self.engine or self.make()
        if self.engine is not None:
            return self.engine  # nothing orders this look behind what the maker does
        with self.lock:
            return self.engine or self.make()


@pattern(
    section="beyond",
    title="looked at without the lock, and not ready yet",
    title_ja="ダブルチェックロッキング",
    granularity="access",
    expect=lambda fixed: {"ok"} if fixed else {"failed"},
)
def double_checked_locking(fixed: bool = False) -> None:
    """Who looks for an object without the lock may see it before it is ready: the lock orders only those who take it.

    Look at the write of `Garage.engine` and at the driver's read of it: no lock's release and acquisition lies between them, so
    the driver also sees the fuel of before. Here the maker shows the engine too early, which any review would find; in a
    language with weaker memory, or on a free-threaded build with a plain cache of several fields, a store that looks later may
    come first. With `fixed` every look is under the lock; where that is too dear, make the object whole before it is shown, or
    at import: a module is made once.
    """
    garage = Garage(fixed)
    fuels = []

    def drive() -> None:
        while not fixed and garage.engine is None:
            pass  # until the maker shows it
        fuels.append(garage.get().fuel)
        garage.filled.set()

    maker = threading.Thread(target=garage.get, name="maker")
    driver = threading.Thread(target=drive, name="driver")
    for thread in (maker, driver):
        thread.start()
    for thread in (maker, driver):
        thread.join()
    print(f"the driver found fuel {fuels[0]}")
    assert fuels == [10], "the driver got an engine that was not ready"
