"""Puts a report together: what of each run is drawn, and what the views say of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from simcore.analysis.stretches import Stretches
from simcore.diffing import Diff, diff
from simcore.errors import UsageError
from simcore.report.page import Run, page
from simcore.report.scene import drawn, scene
from simcore.trace.model import Trace
from simcore.views.diff import diff_view
from simcore.views.events import Selection
from simcore.views.methods import comparison_view
from simcore.views.stats import Stats
from simcore.views.summary import summary_view
from simcore.views.usage import Usage
from simcore.views.window import window_of

Choice = Callable[[Trace], Selection]
"""The events of a trace that were asked for."""


def report(
    traces: list[Trace], choose: Choice, *, asked: bool = False, comparison: RenderableType | None = None
) -> Iterator[str]:
    """The parts of the page for one trace or two. `asked` says that `choose` narrows the events, to be drawn all of them.

    Raises: UsageError for more events asked for than a page can show.
    """
    difference = diff(*traces) if len(traces) == 2 else None
    letters = ("A", "B") if difference is not None else ("",)
    runs = [
        _run(trace, letter, choose(trace), _split(difference, letter), asked=asked)
        for trace, letter in zip(traces, letters, strict=True)
    ]
    told = diff_view(difference) if difference is not None else None
    return page(runs, diff=told, comparison=comparison)


def _run(trace: Trace, letter: str, selection: Selection, split: int | None, *, asked: bool) -> Run:
    first, last = drawn(trace, selection.first, selection.last, asked=asked, around=split)
    selection = replace(selection, first=first, last=last)
    stretches = Stretches(trace)
    stats: RenderableType = Text("no events", style="dim")
    if len(trace):
        stats = Stats(Usage(stretches, window_of(stretches, selection)))
    summary = summary_view(trace, in_full=True)
    return Run(letter, scene(trace, stretches, selection, split=split), summary, stats)


def _split(difference: Diff | None, letter: str) -> int | None:
    """The position in A or B at which the two part."""
    if difference is None or difference.split is None:
        return None
    moment = difference.split.a if letter == "A" else difference.split.b
    return moment.position if moment is not None else None


def read_comparison(path: str | PathLike[str]) -> RenderableType:
    """What `simcore compare` shows, from the file that `simcore compare --json` made. Raises: UsageError for anything else."""
    wrong = UsageError(
        f"{path} is no comparison, expected what `simcore compare --json` prints", "simcore compare --json PROGRAM > FILE"
    )
    try:
        facts: Any = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(facts, dict) or facts.get("version") != 1:
        raise wrong
    try:
        return comparison_view(facts)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise wrong from None
