"""Where turns of a replay pass from hand to hand all the time, waking somebody on another processor is most of what it costs.

Processes with the core in C stay awake on theirs while their turn is near. Else the replay keeps to one processor; the program
is told the set of processors that it would have otherwise, since it may make so many workers.
"""

import os
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.core import core
from simcore.runtime.patches import Patches

VARIABLE = "SIMCORE_CPUS"
"""The processors that the program may use, when turns pass all the time."""

_NEAR, _LOOKS = 64, 2000
"""Who is so many turns from his own, or fewer, looks so often whether it has come, some 50 us, before he falls asleep."""


def install(patches: Patches) -> None:
    """Stay awake, or keep to one processor and say what the set was until the program chooses one itself."""
    named = os.environ.get(VARIABLE)
    if not named:
        return
    had = {int(number) for number in named.split(",")}
    current: Any = gate.current
    if core is not None and len(had) > 1 and current.between_processes:
        core.stay_awake(_NEAR, _LOOKS)
        return
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
