"""`simcore record`: run something and keep who did what to whom, when.

The program's stdout and stderr are its own; the summary goes to stderr after it, with `--json` as one line of JSON, the last one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, plugin_option
from simcore.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from simcore.trace.model import Trace

_LIKE_THE_PROGRAM: Final = ("file", "command")
"""Targets after which the exit code is the program's own."""


class RecordCommand(RichCommand):
    """Tells our options from the program's: all words after `--` or after FILE.py belong to the program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        cut = self._end_of_options(ctx, args)
        if cut < len(args) and args[cut] != "--" and not is_file(args[cut]):
            # A pattern or function takes no words of its own, so our options may stand behind it, too.
            target, ours = args[cut], args[:cut] + args[cut + 1 :]
            ctx.meta["simcore.command"] = False
            return super().parse_args(ctx, [*ours, "--", target] if "--" not in ours else [target, *ours])
        command = cut < len(args) and args[cut] == "--"
        ctx.meta["simcore.command"] = command
        return super().parse_args(ctx, args if command else [*args[:cut], "--", *args[cut:]])

    def _end_of_options(self, ctx: click.Context, args: list[str]) -> int:
        """Index of `--` or of the first word that is neither an option nor an option's value."""
        values = {name: param for param in self.get_params(ctx) if isinstance(param, click.Option) for name in param.opts}
        index = 0
        while index < len(args) and args[index] != "--" and (args[index].startswith("-") and args[index] != "-"):
            word = args[index]
            option = values.get(word) or values.get(word.partition("=")[0]) or values.get(word[:2])
            separate = option is not None and not option.is_flag and word in option.opts
            index += 2 if separate else 1
        return min(index, len(args))


def is_file(word: str) -> bool:
    """Whether a target is a FILE.py: its arguments are then the program's."""
    return word.endswith((".py", ".pyw"))


@click.command(cls=RecordCommand)
@click.argument("target", nargs=-1, type=click.UNPROCESSED, metavar="PATTERN | FILE.py | MODULE:FUNCTION | -- COMMAND...")
@click.option("-p", "parameters", metavar="NAME=VALUE", multiple=True, help="Set a parameter of the pattern; may be repeated.")
@click.option("-o", "--output", metavar="FILE", help="Where the trace goes; default: a new file in the trace folder.")
@click.option("--seed", type=int, metavar="N", help="Seed what the program draws from the random module.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End the run after S seconds.")
@click.option("--switch-interval", "switch_interval_s", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds after which the interpreter lets another thread run (Python's default: 0.005).")
@click.option("--chaos", is_flag=True, help="Random short delays and switch intervals, to shake the schedule.")
@click.option("--until-failure", is_flag=True, help="Run again and again, quietly, until a run fails; keep it and the last that passed.")
@click.option("--max-runs", type=click.IntRange(min=1), default=500, show_default=True, metavar="N", help="With --until-failure: give up after N runs.")
@click.option("--on-stall", type=click.Choice(["report", "end"]), help="What to do when every thread waits and none holds what is waited for.  [default: end for patterns, report for programs]")
@click.option("--no-source", is_flag=True, help="Leave the source of your files out of the trace.")
@plugin_option
@common
@click.pass_context
def command(
    ctx: click.Context,
    target: Sequence[str],
    parameters: Sequence[str],
    output: str | None,
    seed: int | None,
    timeout_s: float | None,
    switch_interval_s: float | None,
    chaos: bool,
    until_failure: bool,
    max_runs: int,
    on_stall: str | None,
    no_source: bool,
    plugins: Sequence[str],
    as_json: bool,
) -> int:
    """Run a pattern or a program, unmodified, and record it.

    Options come first: all words after FILE.py or `--` belong to the program. Its stdout is untouched; the summary goes to stderr.

    A pattern or function ends with 0 when its outcome is the expected one, else with 1. A program ends with its own exit code: 128+n
    for a signal, 123 when a deadlock was ended, 124 at --timeout, 125 when simcore itself failed.
    """
    return 0
