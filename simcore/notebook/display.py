"""What a notebook shows of a trace, a diff or a comparison: a picture, and for those who see none the words of the command line."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console, RenderableType

from simcore.diffing import Diff
from simcore.methods.model import Comparison
from simcore.methods.report import report
from simcore.notebook.comparison import comparison_svg
from simcore.notebook.difference import difference_svg
from simcore.notebook.timeline import timeline_svg
from simcore.trace.model import Trace
from simcore.views.diff import diff_view
from simcore.views.methods import comparison_view
from simcore.views.summary import summary_view

_WIDTH = 100


def bundle(thing: object) -> dict[str, str]:
    """The same thing in several formats, by their MIME types, as Jupyter's protocol has it. Raises: TypeError for others."""
    picture, words = _shown(thing)
    return {"image/svg+xml": picture(), "text/plain": _plain(words)}


def _shown(thing: object) -> tuple[Callable[[], str], RenderableType]:
    match thing:
        case Trace():
            return lambda: timeline_svg(thing), summary_view(thing, place=False)
        case Diff():
            return lambda: difference_svg(thing), diff_view(thing)
        case Comparison():
            facts = report(thing)
            return lambda: comparison_svg(facts), comparison_view(facts)
    raise TypeError(f"{type(thing).__name__} has no picture")


def _plain(words: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=_WIDTH, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(words)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
