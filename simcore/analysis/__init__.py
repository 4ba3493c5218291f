"""Analysis: what one trace tells of bugs that did not strike in it.

The names load when first asked for: whoever looks through the plugins, simcore's kinds of bugs among them, needs none of it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOMES = {
    "Answer": "result",
    "Cycle": "result",
    "Locks": "result",
    "Mistake": "race_result",
    "Possible": "race_result",
    "Race": "race_result",
    "Races": "race_result",
    "Request": "result",
    "Side": "race_result",
    "locks": "goodlock",
    "races": "racing",
}

__all__ = ["Answer", "Cycle", "Locks", "Mistake", "Possible", "Race", "Races", "Request", "Side", "locks", "races"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)
