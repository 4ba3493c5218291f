"""What a notebook shows of a trace, a diff or a comparison: a picture, and for those who see none the command line's words."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console, RenderableType

from simcore.diffing import Diff
from simcore.methods.model import Comparison
from simcore.methods.report import report
from simcore.notebook.cells import without_place
from simcore.notebook.compared import Compared
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
            trace = _placeless(thing)
            return lambda: timeline_svg(trace), summary_view(trace, place=False)
        case Diff():
            settings = tuple(replace(was, a=without_place(was.a), b=without_place(was.b)) for was in thing.settings)
            one, other = _placeless(thing.trace_a), _placeless(thing.trace_b)
            difference = replace(thing, settings=settings, trace_a=one, trace_b=other)
            return lambda: difference_svg(difference), diff_view(difference)
        case Compared() | Comparison():
            facts = thing.facts if isinstance(thing, Compared) else report(thing)
            facts = facts | {"program": without_place(facts["program"])}
            return lambda: comparison_svg(facts), comparison_view(facts)
    raise TypeError(f"{type(thing).__name__} has no picture")


def _placeless(trace: Trace) -> Trace:
    """The same trace, in which a cell's file is called by its name."""
    scenario = trace.header.scenario
    argv = tuple(map(without_place, scenario.argv))
    named = replace(scenario, name=without_place(scenario.name), argv=argv)
    return replace(trace, header=replace(trace.header, scenario=named))


def _plain(words: RenderableType) -> str:
    console = Console(
        file=io.StringIO(), width=_WIDTH, color_system=None, force_jupyter=False, highlight=False, markup=False, emoji=False
    )
    with console.capture() as capture:
        console.print(words)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
