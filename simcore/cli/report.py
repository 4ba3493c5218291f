"""`simcore report`: a trace, or two, in one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, load_trace

if TYPE_CHECKING:
    from simcore.trace.model import Trace
    from simcore.views.events import Selection


@click.command(cls=RichCommand)
@click.argument("trace", required=False)
@click.argument("trace2", required=False)
@click.option("-o", "--output", metavar="FILE", help="Where it goes; - is stdout.  [default: the trace's name, in this folder]")
@click.option("--range", "span", metavar="A..B", help="Only from event A to event B: `@40..@52`, `main/1:3..failure`.")
@click.option("--actor", "actors", metavar="NAME", multiple=True, help="Only this actor; may be repeated.")
@click.option("--compare", "comparison", metavar="FILE", help="Also what `simcore compare --json` wrote into FILE.")
@common
def command(
    trace: str | None,
    trace2: str | None,
    output: str | None,
    span: str | None,
    actors: Sequence[str],
    comparison: str | None,
    as_json: bool,
) -> int:
    """Make one HTML file of TRACE (default: the latest) that opens in any browser, without a network.

    It has a timeline to zoom into, the waits and locks, and the events. With TRACE2 it has both runs and where they part.

    \b
    Examples:
      simcore report
      simcore report pass.simtrace fail.simtrace -o two.html
    """
    from rich.text import Text

    from simcore.cli.show import select
    from simcore.cli.written import place_for, write_to
    from simcore.report.build import read_comparison, report
    from simcore.report.page import library
    from simcore.trace.text import size
    from simcore.views.summary import shown_path

    library()  # what is missing is said before a large trace is read
    compared = read_comparison(comparison) if comparison is not None else None
    traces = [load_trace(trace), *([load_trace(trace2)] if trace2 is not None else [])]
    stem = traces[0].path.stem if traces[0].path is not None else "trace"
    path = place_for(output, f"{stem}.html")

    def choose(one: Trace) -> Selection:
        return select(one, span, actors, (), (), False)

    parts = report(traces, choose, asked=span is not None, comparison=compared)

    def write(file: BinaryIO) -> None:
        for part in parts:
            file.write(part.encode("utf-8"))

    written = write_to(path, write)
    if path is None:
        return 0
    if as_json:
        console.answer_json({"file": str(path), "bytes": written, "traces": [str(one.path) for one in traces]})
    else:
        console.answer(Text(f"{shown_path(path)}  {size(written)}; open it in any browser"))
    return 0
