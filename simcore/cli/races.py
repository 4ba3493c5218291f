"""`simcore races`: accesses to shared data that nothing orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click
from rich_click import RichCommand

from simcore.analysis.result import Answer
from simcore.cli import console
from simcore.cli.options import common, load_trace, plugin_option
from simcore.errors import ExitCode

_CODES: Final = {Answer.NONE: ExitCode.YES, Answer.FOUND: ExitCode.NO, Answer.INCONCLUSIVE: ExitCode.INCONCLUSIVE}


@click.command(cls=RichCommand)
@click.argument("trace", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How to answer: for people, for programs, as annotations of GitHub, as SARIF 2.1.0.",
)
@click.option("--all", "everything", is_flag=True, help="Show all races, however many.")
@plugin_option
@common
def command(trace: str | None, form: str, everything: bool, plugins: Sequence[str], as_json: bool) -> int:
    """Look in TRACE (default: the latest) for accesses to shared data that nothing orders.

    Two actors access one place, at least one writes, and no start, join, lock, queue, event or message says who comes first.
    Each pair of lines is told once: what it is known as, whether it struck in this run, whether this interpreter's GIL lets it.
    A trace has accesses to a program's own data when it was recorded with --granularity access; those to memory that processes
    share it always has.

    Ends with 0 when there is none, 1 when there is one, 5 when no answer can be given.

    \b
    Examples:
      simcore races
      simcore races fail.simtrace --format github
    """
    from dataclasses import replace

    from simcore.analysis import races
    from simcore.engine.bug_kind import find_bug_kinds

    loaded = load_trace(trace)
    known = find_bug_kinds(plugins)
    found = races(loaded, kinds=known.kinds)
    found = replace(found, problems=tuple(known.problems))
    console.warn(found.problems)
    if as_json or form == "json":
        console.answer_json(found.to_json())
    elif form == "sarif":
        from simcore import __version__
        from simcore.views.annotations import sarif

        console.answer_json(sarif(found, __version__))
    elif form == "github":
        from simcore.views.annotations import github

        console.answer_text(github(found))
    else:
        from simcore.views.races import races_view

        console.answer(races_view(found, everything=everything))
    return _CODES[found.answer]
