"""`simcore diff`: where and how two runs part."""

from __future__ import annotations

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, load_trace, verdict_code


@click.command(cls=RichCommand)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@common
def command(a: str, b: str, as_json: bool) -> int:
    """Diff the traces A and B: outcome, the first split, actors, hand-offs, waiting, output.

    Ends with 0 when they are the same, 1 when they differ, 5 when no answer can be given.
    """
    from simcore.diffing import diff
    from simcore.views.diff import diff_view

    result = diff(load_trace(a), load_trace(b))
    if as_json:
        console.answer_json(result.to_json())
    else:
        console.answer(diff_view(result))
    return verdict_code(result.verdict)
