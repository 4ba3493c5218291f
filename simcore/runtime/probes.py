"""Looks that others take inside the program: modules named in the environment, whose `install(patches, steps)` is called.

`steps` are what is done behind the import of which module; a probe adds its own with `behind`. A probe must neither raise nor be
recorded: `look` sees to both.
"""

import os
from collections.abc import Callable
from importlib import import_module
from sys import _getframe as get_frame
from types import FrameType
from typing import Any

from simcore.runtime import segment
from simcore.runtime.actors import here
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.segment import TAG_NOTE

VARIABLE = "SIMCORE_PROBES"
"""The environment variable that names the modules, separated by commas."""

Steps = dict[str, Callable[[Any], None]]


def install(patches: Patches, steps: Steps) -> None:
    """Let each probe put in place what it needs. Raises: ImportError for one that does not exist."""
    for name in os.environ.get(VARIABLE, "").split(","):
        if name:
            import_module(name).install(patches, steps)


def behind(steps: Steps, name: str, step: Callable[[Any], None]) -> None:
    """Do this behind the import of a module, after what is done there already."""
    first = steps.get(name)

    def both(module: Any) -> None:
        if first is not None:
            first(module)
        step(module)

    steps[name] = both


def look(call: Callable[..., None], *arguments: Any) -> None:
    """Call a probe. What it does is not recorded, and what it raises is noted instead of told to the program."""
    actor = here()
    if actor is not None:
        actor.raw += 1
    try:
        call(*arguments)
    except Exception as error:
        segment.current.define(TAG_NOTE, "probe that failed", f"{type(error).__name__}: {error}".replace("\0", ""))
    finally:
        if actor is not None:
            actor.raw -= 1


def before(real: Callable[..., Any], call: Callable[..., None]) -> Callable[..., Any]:
    """A function in the place of `real`, which first lets the probe see the frame that calls it, and the arguments."""

    def replaced(*arguments: Any, **named: Any) -> Any:
        try:
            frame: FrameType = get_frame(1)
            look(call, frame, arguments, named)
            return real(*arguments, **named)
        except BaseException as error:
            hide(error)
            raise

    return replaced
