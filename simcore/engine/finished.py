"""Plugins that are told of each finished run: `simcore record` and `simcore replay` call them, one by one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from inspect import getattr_static
from pathlib import Path
from typing import Final, Literal

from simcore.api import ObserverMark
from simcore.engine.plugin_state import Draft
from simcore.trace.model import Trace

PATTERNS_ONLY: Final = "simcore_patterns."
"""Modules that have patterns and nothing else: nobody looks for other things in them, for loading all takes long."""

NEVER_OBSERVE: Final = (PATTERNS_ONLY, "simcore.analysis.")
"""The same for observers: simcore's kinds of bugs are none."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that was recorded or replayed. `trace` is its own; of a replay `recorded` is the one that it followed, and `parted`
    says in a line where it did not, or is empty."""

    verb: Literal["record", "replay"]
    trace: Trace
    recorded: Trace | None = None
    parted: str = ""


@dataclass(frozen=True, slots=True)
class RunObserver:
    """A function of a plugin that is told of runs; `plugin` and `where` say whose it is."""

    name: str
    title: str
    plugin: str
    where: str
    function: Callable[..., object]


class Observers:
    """Those who are told. One that raises is detached: nobody calls it again, and what else there is goes on."""

    def __init__(self, observers: Iterable[RunObserver], problems: Iterable[str] = ()) -> None:
        self._attached = list(observers)
        self.problems: Final = tuple(problems)
        """What is wrong with files that were named for this run, a line each."""

    def tell(self, run: FinishedRun) -> list[str]:
        """Tell everybody of a run; what went wrong, a line each with plugin, file and line. What they print goes to stderr."""
        problems: list[str] = []
        for observer in list(self._attached):
            draft = Draft(observer.plugin, "", "", where=observer.where)
            with draft.guarded(f"failed in its observer {observer.name}"), redirect_stdout(sys.stderr):
                observer.function(run)
            if draft.problems:
                self._attached.remove(observer)
                problems += draft.problems
        return problems


def find_observers(files: Sequence[str | Path] = ()) -> Observers:
    """The observers of all installed plugins, of those files, and of SIMCORE_PLUGINS."""
    from simcore.engine.plugins import GROUP, PluginHost

    points: list[EntryPoint] = []
    draft = Draft("(installed)", "", "", where="metadata of the installed packages")
    with draft.guarded("cannot be read"):
        points = [point for point in entry_points(group=GROUP) if not point.value.startswith(NEVER_OBSERVE)]
    host = PluginHost(files, entry_points=points)
    return Observers(host.observers, [plugin.problems[0] for plugin in host.plugins if plugin.file and plugin.state == "broken"])


def read_observer(function: object, *, plugin: str, where: str) -> RunObserver:
    """The observer that a marked function is. Raises: ValueError with what is wrong, in words that follow its name."""
    mark = getattr_static(function, "simcore_observer", None)
    if not isinstance(mark, ObserverMark) or not callable(function):
        raise ValueError("is not marked with @observer")
    return RunObserver(getattr(function, "__name__", "observer"), str(mark.title), plugin, where, function)
