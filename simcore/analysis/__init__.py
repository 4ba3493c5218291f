"""Analysis: what one trace tells of bugs that did not strike in it."""

from simcore.analysis.goodlock import locks as locks
from simcore.analysis.result import Answer as Answer
from simcore.analysis.result import Cycle as Cycle
from simcore.analysis.result import Locks as Locks
from simcore.analysis.result import Request as Request

__all__ = ["Answer", "Cycle", "Locks", "Request", "locks"]
