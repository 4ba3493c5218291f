"""`simcore diff`: where and how two runs part, or what separates two groups of runs."""

from __future__ import annotations

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, find_trace, load_trace, verdict_code
from simcore.errors import UsageError

_AGAINST = "--against"


class _Against(RichCommand):
    """Takes all words behind `--against` as its values, as a shell writes them that was given `fail-*`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if _AGAINST in args:
            place = args.index(_AGAINST)
            behind = [word for word in args[place + 1 :] if word != _AGAINST]
            if not any(not word.startswith("-") for word in behind):
                raise UsageError(f"{_AGAINST} names no trace", "simcore diff A1 A2 ... --against B1 B2 ...")
            options = [word for word in behind if word.startswith("-")]
            traces = [part for word in behind if not word.startswith("-") for part in (_AGAINST, word)]
            args = [*args[:place], *options, *traces]
        return super().parse_args(ctx, args)


@click.command(cls=_Against)
@click.argument("traces", metavar="A B | A1 A2 ...", nargs=-1, required=True)
@click.option(_AGAINST, "against", metavar="B1 B2 ...", multiple=True, help="Compare groups: which orders separate A from B.")
@common
def command(traces: tuple[str, ...], against: tuple[str, ...], as_json: bool) -> int:
    """Diff the traces A and B: the first split, what it changed, lanes around it, objects, actors, waiting, output.

    With --against groups of traces are compared, say passing with failing ones, and the orders that separate them are named.
    Ends with 0 when they are the same, 1 when they differ, 5 when no answer can be given.

    \b
    Examples:
      simcore diff pass.simtrace fail.simtrace
      simcore diff pass-*.simtrace --against fail-*.simtrace
    """
    if against and (len(traces) > 1 or len(against) > 1):
        return _groups(traces, against, as_json=as_json)
    both = (*traces, *against)
    if len(both) != 2:
        message = f"diff compares two traces, not {len(both)}" if len(both) > 1 else "missing argument 'B'"
        raise UsageError(message, f"groups of traces are compared by simcore diff A1 A2 ... {_AGAINST} B1 B2 ...")
    from simcore.diffing import diff
    from simcore.views.diff import diff_view

    result = diff(load_trace(both[0]), load_trace(both[1]))
    if as_json:
        console.answer_json(result.to_json())
    else:
        console.answer(diff_view(result))
    return verdict_code(result.verdict)


def _groups(a: tuple[str, ...], b: tuple[str, ...], *, as_json: bool) -> int:
    """Compare two groups; the traces are read one after the other."""
    from simcore.diffing import diff_groups
    from simcore.trace.model import Trace
    from simcore.views.groups import groups_view

    places = [[find_trace(name) for name in group] for group in (a, b)]
    if twice := set(places[0]) & set(places[1]):
        raise UsageError(f"{min(twice)} is in both groups", "a run belongs to A or to B")
    result = diff_groups(*(map(Trace.load, group) for group in places))
    if as_json:
        console.answer_json(result.to_json())
    else:
        console.answer(groups_view(result))
    return verdict_code(result.verdict)
