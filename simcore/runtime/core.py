"""Which core records: the one in C where it was built for this interpreter, else pure Python. The only place that chooses.

`SIMCORE_PURE=1` in the environment refuses the one in C. Both do the same, and write the same records.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

core: Any = None
if os.environ.get("SIMCORE_PURE") != "1":
    try:
        from simcore import _core as core
    except ImportError:
        pass  # it was not built, or not for this interpreter


class PureWriter:
    """What an actor has for its records: see `actors.Actor`."""

    __slots__ = ("chunk", "raw", "rest", "spans", "wait_buffer")


class PureLockBase:
    """What a lock has that may be recorded: how the lock within is taken and let go of. `given` is the value of a release."""

    __slots__ = ("_acquire", "_release", "given", "simcore_id")

    _acquire: Callable[..., bool]
    _release: Callable[[], None]
    given: int
    simcore_id: int


if TYPE_CHECKING or core is None:
    Writer = PureWriter
    LockBase = PureLockBase
else:
    Writer, LockBase = core.Writer, core.LockBase

NAME = "pure Python" if core is None else "C core"
"""What runs, for people."""
