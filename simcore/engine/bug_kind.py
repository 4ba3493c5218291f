"""A kind of bug that a plugin knows: a function that is asked about races, and not asked again once it has raised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from inspect import getattr_static
from pathlib import Path
from typing import Final

from simcore.api import BugKindMark
from simcore.engine.finished import PATTERNS_ONLY
from simcore.engine.plugin_state import Draft, short

ABOUT: Final = ("", "value", "choice")

OWN: Final = "simcore.analysis.kinds"
"""Where simcore's own kinds are: they know every race, so they are asked last."""


class BugKind:
    """It is asked by calling it with the evidence of a race. What it raises is one of its problems, never the caller's."""

    def __init__(self, mark: BugKindMark, function: Callable[..., object], *, plugin: str, where: str) -> None:
        self.simcore_bug_kind = mark
        self.problems: list[str] = []
        self.is_own = getattr(function, "__module__", "") == OWN
        self._function, self._plugin, self._where = function, plugin, where

    @property
    def name(self) -> str:
        """What a race is known as."""
        return self.simcore_bug_kind.name

    def __call__(self, evidence: object) -> object:
        if self.problems:
            return False
        draft = Draft(self._plugin, "", "", where=self._where)
        answer: object = False
        with draft.guarded(f"failed in its kind of bug {self.name!r}"):
            answer = self._function(evidence)
            if not isinstance(answer, bool) and answer not in (None, "struck"):
                draft.problem(f"answered {short(answer)} in its kind of bug {self.name!r}; expected True, False or 'struck'")
        self.problems += draft.problems
        return answer if not draft.problems else False


@dataclass(frozen=True, slots=True)
class BugKinds:
    """The kinds in the order in which they are asked; `loading` says what is wrong with files that were named for this run."""

    kinds: tuple[BugKind, ...]
    loading: tuple[str, ...]

    @property
    def problems(self) -> list[str]:
        """What is wrong with plugins, a line each with plugin, file and line, so far."""
        return [*self.loading, *(f"{problem}; it is not asked again" for kind in self.kinds for problem in kind.problems)]


def find_bug_kinds(files: Sequence[str | Path] = ()) -> BugKinds:
    """The kinds of all installed plugins, of those files, and of SIMCORE_PLUGINS: simcore's own last."""
    from simcore.engine.plugins import GROUP, PluginHost

    points: list[EntryPoint] = []
    draft = Draft("(installed)", "", "", where="metadata of the installed packages")
    with draft.guarded("cannot be read"):
        points = [point for point in entry_points(group=GROUP) if not point.value.startswith(PATTERNS_ONLY)]
        own = EntryPoint("bug-kinds", OWN, GROUP)  # an install from before they came this way does not name them
        points += [own] if all(point.value != OWN for point in points) else []
    host = PluginHost(files, entry_points=points)
    loading = [plugin.problems[0] for plugin in host.plugins if plugin.file and plugin.state == "broken"]
    return BugKinds(tuple(sorted(host.bug_kinds, key=lambda kind: kind.is_own)), tuple(loading))


def read_bug_kind(function: object, *, plugin: str, where: str) -> BugKind:
    """The kind of bug that a marked function is. Raises: ValueError with what is wrong, in words that follow its name."""
    mark = getattr_static(function, "simcore_bug_kind", None)
    if not isinstance(mark, BugKindMark) or not callable(function):
        raise ValueError("is not marked with @bug_kind")
    if not isinstance(mark.name, str) or not mark.name.strip():
        raise ValueError(f"has the name {mark.name!r}, expected some words")
    for field in ("title", "means", "fix"):
        if not isinstance(getattr(mark, field), str):
            raise ValueError(f"has the {field} {getattr(mark, field)!r}, expected a text")
    if mark.title and "{}" not in mark.title:
        raise ValueError(f"has the title {mark.title!r}, expected one with {{}} for the place")
    if mark.about not in ABOUT:
        raise ValueError(f"is about {mark.about!r}, expected 'value', 'choice' or nothing")
    return BugKind(mark, function, plugin=plugin, where=where)
