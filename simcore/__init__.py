"""simcore: records concurrent Python programs, replays them deterministically, shows where two runs part.

The public names load when first asked for (PEP 562), so that importing `simcore.runtime` inside a
recorded program loads nothing else.
"""

import sys
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


_PICTURED = {"Trace": "simcore.trace.model", "Diff": "simcore.diffing.result", "Comparison": "simcore.methods.model"}
"""What notebooks show as a picture, and where it is made."""


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'simcore' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(home), name)
    _picture()
    return found


def _picture() -> None:
    """Let notebooks show what they can; what draws it lies far above it, and is loaded when a notebook asks."""
    for name, place in _PICTURED.items():
        if place in sys.modules:
            setattr(getattr(sys.modules[place], name), "_repr_mimebundle_", _repr_mimebundle_)  # noqa: B010


def _repr_mimebundle_(shown: object, include: object = None, exclude: object = None) -> dict[str, str]:
    """What a notebook shows of an object: a picture, and for those who see none words."""
    from simcore.notebook.display import bundle

    return bundle(shown)


def load_ipython_extension(shell: object) -> None:
    """What `%load_ext simcore` calls: it adds the magics `%simcore` and `%%simcore` (docs/jupyter.md)."""
    from simcore.notebook.extension import load

    load(shell)
    _picture()


def __dir__() -> list[str]:
    return sorted(__all__)
