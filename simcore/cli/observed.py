"""Tells plugins of finished runs, and the user of a plugin that could not be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from simcore.cli import console
from simcore.trace.text import clean

if TYPE_CHECKING:
    from simcore.engine.finished import FinishedRun, Observers


class Told:
    """Those to tell, found when there is something to tell. `plugins` are files beside what is installed."""

    def __init__(self, plugins: Sequence[str]) -> None:
        self._plugins = plugins
        self._observers: Observers | None = None

    def tell(self, run: FinishedRun) -> None:
        """Tell everybody; a broken one is named on stderr, and not called again."""
        from simcore.engine.finished import find_observers

        if self._observers is None:
            self._observers = find_observers(self._plugins)
            self._warn(self._observers.problems)
        self._warn(f"{problem}; it is not called again" for problem in self._observers.tell(run))

    def _warn(self, problems: Iterable[str]) -> None:
        for problem in problems:
            console.talk(Text("warning: ", style="yellow").append(clean(problem), style="default"))
