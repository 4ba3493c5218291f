"""Outside of the recorded program: finds plugins, runs scenarios, watches, merges, replays."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simcore.engine.recording import record as record
    from simcore.engine.replaying import Replay as Replay
    from simcore.engine.replaying import ReplayRun as ReplayRun
    from simcore.engine.replaying import replay as replay

_HOMES = {"record": "recording", "replay": "replaying", "Replay": "replaying", "ReplayRun": "replaying"}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'simcore.engine' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"simcore.engine.{home}"), name)
