"""Takes a magic's words apart, with the options that simcore's own commands have; there is no second list of them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Final

import click

from simcore.cli import explained
from simcore.cli.app import VERBS
from simcore.errors import UsageError
from simcore.trace.model import Trace

CELL_VERBS: Final = ("record", "compare", "diff")
"""What can be done to a cell."""

_NAME: Final = click.Option(["--name"], metavar="NAME", help="Keep the result in a variable of this name, too.")
_AGAINST: Final = click.Option(["--against"], metavar="TRACE", help="Run the cell once, and diff TRACE with that run.")


@dataclass(frozen=True, slots=True)
class Words:
    """What a magic was told: the verb, `options` as on a command line, all other words, and what is for the magic itself."""

    verb: str
    options: tuple[str, ...]
    rest: tuple[str, ...]
    name: str = ""
    against: str = ""

    @property
    def wants_help(self) -> bool:
        return "--help" in self.options

    @property
    def wants_json(self) -> bool:
        return "--json" in self.options


def of_cell(line: str, known: Mapping[str, object]) -> Words:
    """The words behind `%%simcore`; without a verb it is `record`. The rest are the program's. Raises: UsageError.

    `--against` may name a variable with a trace.
    """
    words = split(line)
    verb = words.pop(0) if words and not words[0].startswith("-") else "record"
    if verb not in CELL_VERBS:
        message = f"a cell is run by {', '.join(CELL_VERBS)}, not by {verb!r}"
        raise UsageError(message, f"%simcore {verb}, with one %, takes a trace or a pattern" if verb in VERBS else "")
    # The runs that a diff is of are recorded.
    found = _parsed(verb, "record" if verb == "diff" else verb, words, [_NAME, *([_AGAINST] if verb == "diff" else [])])
    if found.name and not found.name.isidentifier():
        raise UsageError(f"--name is {found.name!r}, expected the name of a variable", "letters, digits and _")
    return replace(found, against=_file_of(known.get(found.against)) or found.against)


def of_line(line: str, known: Mapping[str, object]) -> Words:
    """The words behind `%simcore`, as in a shell; one that names a variable with a trace is the file of that trace.

    Raises: UsageError.
    """
    words = split(line)
    if not words:
        raise UsageError("%simcore was not told what to do", f"%simcore VERB: {', '.join(VERBS)}")
    verb, *rest = words
    return Words(verb, (), tuple(_file_of(known.get(word)) or word for word in rest))


def split(line: str) -> list[str]:
    """The words of a line, as a shell takes it apart. Raises: UsageError."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{line!r} cannot be taken apart: {str(error).lower()}", "are all quotes closed?") from None


def _file_of(value: object) -> str:
    return str(value.path) if isinstance(value, Trace) and value.path is not None else ""


def _parsed(verb: str, of: str, words: list[str], ours: Collection[click.Option]) -> Words:
    """The words taken apart as those of a command, with options of our own beside its."""
    base: click.Command = import_module(f"simcore.cli.{of}").command
    options_of = [param for param in base.params if isinstance(param, click.Option)]
    command = click.Command(verb, params=[*options_of, *ours])
    context = click.Context(command, info_name=f"%%simcore {verb}", help_option_names=["-h", "--help"])
    try:
        found, rest, order = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        error.ctx = context
        message, hint = explained(error)
        raise UsageError(message, hint) from None
    own: dict[str, str] = {}
    options: list[str] = []
    for param in dict.fromkeys(order):
        assert isinstance(param, click.Option)
        values = found[param.name] if isinstance(found[param.name], list | tuple) else [found[param.name]]
        if param in ours:
            own[str(param.name)] = values[-1]
        else:
            for value in values:
                options += [param.opts[-1]] if param.is_flag or param.count else [param.opts[-1], value]
    return Words(verb, tuple(options), tuple(rest), **own)
