"""A replay on one processor: where turns pass from hand to hand all the time, waking another processor is most of what it costs.

The program is told the set of processors that it would have otherwise, since it may make so many workers.
"""

import os
from typing import Any

from simcore.runtime import originals
from simcore.runtime.patches import Patches

VARIABLE = "SIMCORE_CPUS"
"""The processors that the program may use, when it is to keep to one of them."""


def install(patches: Patches) -> None:
    """Keep to one processor if the controller says so, and say what the set was until the program chooses one itself."""
    named = os.environ.get(VARIABLE)
    if not named:
        return
    had = {int(number) for number in named.split(",")}
    real_get, real_set = os.sched_getaffinity, os.sched_setaffinity
    chosen: list[Any] = []
    if real_get(0) == had:
        real_set(0, {sorted(had)[originals.getpid() % len(had)]})
    elif len(real_get(0)) > 1:
        return  # the program has chosen some for this child

    def is_own(pid: int) -> bool:
        return pid in (0, originals.getpid()) and not chosen

    def sched_getaffinity(pid: int, /) -> set[int]:
        return set(had) if is_own(pid) else real_get(pid)

    def sched_setaffinity(pid: int, mask: Any, /) -> None:
        real_set(pid, mask)
        if is_own(pid):
            chosen.append(mask)

    patches.set(os, "sched_getaffinity", sched_getaffinity)
    patches.set(os, "sched_setaffinity", sched_setaffinity)
