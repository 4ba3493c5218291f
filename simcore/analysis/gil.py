"""Whether the interpreter of a recording lets a race do harm: CPython with a GIL switches threads at few places.

These are calls and returns, jumps back, and what waits in C; that is so since CPython 3.10.
"""

from __future__ import annotations

from typing import Final

from simcore.analysis.code import Between
from simcore.analysis.race_result import Mistake, Possible
from simcore.trace.model import Header

_NAMES: Final = {"cpython": "CPython", "pypy": "PyPy"}


def possible_under(
    header: Header,
    mistake: str,
    about: str,
    between: frozenset[Between],
    *,
    struck: bool,
    split: bool,
    between_processes: bool,
) -> tuple[Possible, str]:
    """Whether it can do harm, and why. `about` is that of its kind: where a read and a write are part of it, it matters what lies
    between these in all that was seen of them, `between`."""
    build = f"{_NAMES.get(header.implementation.lower(), header.implementation)} {header.minor}"
    if not header.gil:
        return Possible.YES, f"{build} has no GIL: threads run at the same time"
    if split:
        return Possible.YES, "the lock is given back between the read and the write"
    if between_processes:
        return Possible.YES, "two processes have two GILs: they run at the same time"
    if mistake is Mistake.DOUBLE_CHECKED_LOCKING:
        return Possible.YES, f"the order is open under any GIL; in {build} the look finds the old value or the whole new one"
    if not about:
        return Possible.YES, "the order of the two is open under any GIL"
    what = "the check and the act" if about == "choice" else "the read and the write"
    if Between.CALL in between:
        return Possible.YES, f"a call lies between {what}: there {build} lets another thread in"
    if Between.LOOP in between:
        return Possible.YES, f"a loop goes round between {what}: there {build} lets another thread in"
    if Between.OPERATOR in between:
        return Possible.UNKNOWN, f"the operator between {what} may run code of the program's own"
    if Between.UNKNOWN in between:
        return Possible.UNKNOWN, "the trace has no source that tells what lies between the two"
    why = f"nothing lies between {what} where {build} with its GIL lets another thread in; a free-threaded build does"
    return Possible.NO, why + ("; here the recorder did" if struck else "")
