"""Which core records: the one in C where it was built for this interpreter, else pure Python. The only place that chooses.

`SIMCORE_PURE=1` in the environment refuses the one in C. Both do the same, and write the same records.
"""

import os
from typing import TYPE_CHECKING, Any

core: Any = None
if os.environ.get("SIMCORE_PURE") != "1":
    try:
        from simcore import _core as core
    except ImportError:
        pass  # it was not built, or not for this interpreter


class PureWriter:
    """What an actor has for its records: see `actors.Actor`."""

    __slots__ = ("chunk", "raw", "spans")


if TYPE_CHECKING or core is None:  # noqa: SIM108  a type checker takes no expression for a class
    Writer = PureWriter
else:
    Writer = core.Writer

NAME = "pure Python" if core is None else "C core"
"""What runs, for people."""
