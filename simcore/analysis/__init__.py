"""Analysis: what one trace tells of bugs that did not strike in it."""

from simcore.analysis.goodlock import locks as locks
from simcore.analysis.race_result import Mistake as Mistake
from simcore.analysis.race_result import Possible as Possible
from simcore.analysis.race_result import Race as Race
from simcore.analysis.race_result import Races as Races
from simcore.analysis.race_result import Side as Side
from simcore.analysis.racing import races as races
from simcore.analysis.result import Answer as Answer
from simcore.analysis.result import Cycle as Cycle
from simcore.analysis.result import Locks as Locks
from simcore.analysis.result import Request as Request

__all__ = ["Answer", "Cycle", "Locks", "Mistake", "Possible", "Race", "Races", "Request", "Side", "locks", "races"]
