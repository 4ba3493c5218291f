"""simcore: records concurrent Python programs, replays them deterministically, shows where two runs part.

The public names load when first asked for (PEP 562), so that importing `simcore.runtime` inside a
recorded program loads nothing else.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simcore.analysis import locks as locks
    from simcore.analysis import races as races
    from simcore.diffing import Diff as Diff
    from simcore.diffing import diff as diff
    from simcore.engine import Replay as Replay
    from simcore.engine import record as record
    from simcore.engine import replay as replay
    from simcore.errors import Divergence as Divergence
    from simcore.errors import SimcoreError as SimcoreError
    from simcore.trace.events import Kind as Kind
    from simcore.trace.events import Outcome as Outcome
    from simcore.trace.model import Trace as Trace

__version__ = "0.1.0"

_HOMES = {
    "Diff": "simcore.diffing",
    "diff": "simcore.diffing",
    "locks": "simcore.analysis",
    "races": "simcore.analysis",
    "Replay": "simcore.engine",
    "record": "simcore.engine",
    "replay": "simcore.engine",
    "Divergence": "simcore.errors",
    "SimcoreError": "simcore.errors",
    "Kind": "simcore.trace.events",
    "Outcome": "simcore.trace.events",
    "Trace": "simcore.trace.model",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'simcore' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
