"""`simcore locks`: the deadlocks that a trace shows to be possible."""

from __future__ import annotations

from typing import Final

import click
from rich_click import RichCommand

from simcore.analysis.result import Answer
from simcore.cli import console
from simcore.cli.options import common, load_trace
from simcore.errors import ExitCode

_CODES: Final = {Answer.NONE: ExitCode.YES, Answer.FOUND: ExitCode.NO, Answer.INCONCLUSIVE: ExitCode.INCONCLUSIVE}


@click.command(cls=RichCommand)
@click.argument("trace", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to answer.")
@click.option("--all", "everything", is_flag=True, help="Show all cycles, however many.")
@common
def command(trace: str | None, form: str, everything: bool, as_json: bool) -> int:
    """Look in TRACE (default: the latest) for deadlocks that did not strike, but can.

    They are cycles of locks: each actor asks for one while it holds the one that the next actor asks for. A cycle does not count
    when a further lock lets only one of its actors in, or when a start or join keeps them apart.

    Ends with 0 when there is none, 1 when there is one or the run ended in one, 5 when no answer can be given.

    \b
    Examples:
      simcore locks
      simcore locks fail.simtrace --all
    """
    from simcore.analysis import locks

    found = locks(load_trace(trace))
    if as_json or form == "json":
        console.answer_json(found.to_json())
    else:
        from simcore.views.locks import locks_view

        console.answer(locks_view(found, everything=everything))
    return _CODES[found.answer]
