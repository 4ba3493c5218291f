"""The named semaphores by which turns of a replay pass between processes. The controller makes them and unlinks them again.

Their names stand in the run's folder, so that whoever finds the folder of a killed controller can unlink them. The names of
locks that the program unlinks in a replay are added there: see `runtime.processes.semaphores`.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_LIST: Final = "semaphores"
_MOST: Final = 1 << 20
_SEMAPHORE: Final = 1


class Semaphores:
    """One semaphore for each of these actors, none if there are none. `prefix` is how their names begin."""

    def __init__(self, actors: Iterable[int]) -> None:
        self._actors = list(actors)
        self.prefix = f"/simcore-{os.getpid():x}-{int.from_bytes(os.urandom(6), 'big'):x}" if self._actors else ""

    def create(self, run: Path) -> None:
        """Make them, all closed. Raises: OSError where the system has no more of them."""
        if not self._actors:
            return
        from _multiprocessing import SemLock  # type: ignore[import-not-found]

        names = [f"{self.prefix}-{actor}" for actor in self._actors]
        (run / _LIST).write_text("\n".join(names), encoding="ascii")
        for name in names:
            SemLock(_SEMAPHORE, 0, _MOST, name, False)


def remove_semaphores(run: Path) -> None:
    """Unlink the semaphores of a run; those that are gone stay gone."""
    try:
        names = (run / _LIST).read_text(encoding="ascii").split("\n")
    except OSError:
        return
    from _multiprocessing import sem_unlink

    for name in filter(None, names):
        try:
            sem_unlink(name)
        except OSError:
            pass
