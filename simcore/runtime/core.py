"""Which core records: the one in C where it was built for this interpreter, else pure Python. The only place that chooses.

`SIMCORE_PURE=1` in the environment refuses the one in C. Both do the same, and write the same records. The same core looks for
races in what was recorded, see `simcore.analysis.tracking`.
"""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

INTERFACE = 3
"""Raised, here and in `_core.c`, when what the core offers changes: in a checkout it may have been built from other sources."""

core: Any = None
if os.environ.get("SIMCORE_PURE") != "1":
    try:
        from simcore import _core as core
    except ImportError:
        pass  # it was not built, or not for this interpreter
is_stale = core is not None and getattr(core, "INTERFACE", 0) != INTERFACE
if is_stale:
    core = None

HAS_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether nobody comes in between two steps that are both in C."""


class PureWriter:
    """What an actor has for its records: see `actors.Actor`."""

    __slots__ = ("chunk", "following", "index", "puts", "raw", "rest", "spans", "wait_buffer")


class PureFollowing:
    """What an actor has for its part of the order in a replay: see `following.Following`."""

    __slots__ = ("_batons", "_far", "_gate", "baton", "blocked", "cursor", "end", "events", "held", "index", "status", "told")


class PureLockBase:
    """What a lock has that may be recorded: how the lock within is taken and let go of. `given` is the value of a release.

    A re-entrant one knows whether it is this thread's, and has a depth that its owner alone reads and writes. Where taking it
    puts an item somewhere, `puts` says so and `tag` is that of the item put last.
    """

    __slots__ = ("_acquire", "_depth", "_owned", "_release", "given", "puts", "simcore_id", "tag")

    _acquire: Callable[..., bool]
    _release: Callable[[], None]
    _owned: Callable[[], bool]
    _depth: int
    given: int
    puts: bool
    simcore_id: int
    tag: int


if TYPE_CHECKING or core is None:
    Writer = PureWriter
    LockBase = PureLockBase
    FollowingBase = PureFollowing
else:
    Writer, LockBase, FollowingBase = core.Writer, core.LockBase, core.FollowingBase

NAME = "C core" if core is not None else "pure Python: the core is of other sources, install again" if is_stale else "pure Python"
"""What runs, for people."""
