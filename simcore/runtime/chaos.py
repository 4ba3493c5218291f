"""Chaos: short random delays before acquiring and after releasing, and a random switch interval, to shake out rare orders."""

import sys

from simcore.runtime import originals
from simcore.runtime.locks import Lock
from simcore.runtime.patches import Patches

_INTERVALS_S = (0.000005, 0.00005, 0.0005, 0.005)


def install(seed: int, patches: Patches, lock: type[Lock]) -> type[Lock]:
    """A lock class that dawdles. `seed` decides what is drawn; which thread draws it is the operating system's doing."""
    draw = originals.random(seed)
    sys.setswitchinterval(_INTERVALS_S[int(draw.random() * len(_INTERVALS_S))])
    rate = draw.random() * 0.2

    def dawdle() -> None:
        luck = draw.random()
        if luck < rate:
            originals.sleep(draw.random() * 0.002 if luck < rate / 2 else 0)

    class ChaosLock(lock):  # type: ignore[misc, valid-type]
        __slots__ = ()

        def __enter__(self) -> bool:
            dawdle()
            got: bool = super().__enter__()
            return got

        def __exit__(self, *raised: object) -> None:
            super().__exit__(*raised)
            dawdle()

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            dawdle()
            got: bool = super().acquire(blocking, timeout)
            return got

        def release(self) -> None:
            super().release()
            dawdle()

    return ChaosLock
