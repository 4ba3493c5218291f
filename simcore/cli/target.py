"""What to run, on the command line: a pattern, a file, a function, or behind `--` any command, with its own words.

One grammar for all verbs that run something: `record`, `compare`, `preflight`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final, TypeVar

import click
from rich.text import Text
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import SUFFIX
from simcore.errors import UsageError
from simcore.trace.text import clean

GRAMMAR: Final = "PATTERN | FILE.py | MODULE:FUNCTION | -- COMMAND..."

_SHORT: Final = "PATTERN | FILE.py | MOD:FUNC | -- COMMAND"
"""The same for the line `Usage:`, which is torn apart where it does not fit on 80 columns."""

_PARAMETERS: Final = "Set a parameter of the pattern; may be repeated."
_IS_COMMAND: Final = "simcore.is_command"
_HARDLY_ANOTHERS: Final = frozenset(
    {
        *("--chaos", "--until-failure", "--max-runs", "--on-stall", "--switch-interval", "--start-method", "--no-source"),
        *("--methods", "--fail-on"),
    }
)
"""Options that few programs have: behind FILE.py they are most likely meant for us. Of others nothing is said."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


class TargetCommand(RichCommand):
    """Tells our options from the program's: all words after `--` or after FILE.py belong to the program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        cut = self._end_of_options(ctx, args)
        if cut < len(args) and args[cut] != "--" and not is_file(args[cut]):
            # A pattern or function takes no words of its own, so our options may stand behind it, too.
            ctx.meta[_IS_COMMAND] = False
            return super().parse_args(ctx, [args[cut], *args[:cut], *args[cut + 1 :]])
        command = cut < len(args) and args[cut] == "--"
        ctx.meta[_IS_COMMAND] = command
        try:
            return super().parse_args(ctx, args if command else [*args[:cut], "--", *args[cut:]])
        finally:  # behind `--no-color`, in front of what may be wrong
            if cut < len(args) and not command and (word := self._misplaced(ctx, args[:cut], args[cut + 1 :])):
                text = f"note: {word} goes to {clean(args[cut])}; simcore's own options stand before it"
                console.talk(Text(text, style="yellow"))

    def _misplaced(self, ctx: click.Context, before: list[str], behind: list[str]) -> str:
        """The first word behind FILE.py that looks much like an option of ours; the program gets it all the same."""
        options = {name: param for param in self.get_params(ctx) if isinstance(param, click.Option) for name in param.opts}
        for word, following in pairwise([*behind, ""]):
            name, _, value = word.partition("=")
            option = options.get(name)
            if option is None:
                continue
            writes_trace = option.name == "output" and (value or following).endswith(SUFFIX)
            lacking = option.required and not any(given.partition("=")[0] in option.opts for given in before)
            if name in _HARDLY_ANOTHERS or writes_trace or lacking:
                return name
        return ""

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


def target_options(function: _Function) -> _Function:
    """The argument `target` and the option `-p`, which a `TargetCommand` has."""
    option = click.option(
        "-p", "parameters", metavar="NAME=VALUE", multiple=True, help="Set a parameter of the pattern; may be repeated."
    )
    return click.argument("target", nargs=-1, type=click.UNPROCESSED, metavar=_SHORT)(option(function))


def is_file(word: str) -> bool:
    """Whether a target is a FILE.py: its arguments are then the program's."""
    return word.endswith((".py", ".pyw"))


def is_command(ctx: click.Context) -> bool:
    """Whether the words of a `TargetCommand` stood behind `--`."""
    return bool(ctx.meta[_IS_COMMAND])


def words_of(ctx: click.Context, target: Sequence[str], verb: str) -> list[str]:
    """The words of a `TargetCommand`, when they say what to run. Raises: UsageError."""
    words = list(target)
    if not words:
        raise UsageError(f"{verb} was not told what to run, expected {GRAMMAR}", "`simcore list` shows the patterns")
    if not is_command(ctx) and not is_file(words[0]) and len(words) > 1:
        raise UsageError(
            f"{words[0]} takes no words of its own, but was given {' '.join(words[1:])}",
            "parameters are set as in -p workers=4; a program and its words follow `--`",
        )
    return words
