"""Tells plugins of finished runs, and the user of a plugin that could not be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simcore.cli import console

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
            console.warn(self._observers.problems)
        console.warn(f"{problem}; it is not called again" for problem in self._observers.tell(run))
