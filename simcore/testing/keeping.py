"""Where traces of tests go: nowhere while all is well, to the trace folder when an assertion speaks of one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from simcore.engine.folder import TraceFolder
from simcore.trace.model import Trace


def kept(trace: Trace) -> str:
    """Where the trace lies that a failed assertion speaks of: saved to the trace folder if it was only in memory."""
    if trace.path is None:
        trace.path = trace.save(new_path(TraceFolder().path, trace.header.scenario.name))
    return os.path.relpath(trace.path)


def new_path(folder: Path, target: str | Sequence[str]) -> Path:
    """A path in this folder for a new trace of that target."""
    name = target if isinstance(target, str) else next(iter(target), "run")
    return TraceFolder(folder).new_path(Path(name).name.removesuffix(".py").replace(":", "-"))
