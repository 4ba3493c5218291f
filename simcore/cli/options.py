"""What several verbs share: their common options, how a TRACE is found, and errors with a guess at what was meant."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from simcore.cli import console
from simcore.errors import ExitCode, UsageError
from simcore.trace.events import Verdict

if TYPE_CHECKING:
    from simcore.engine.folder import TraceFolder
    from simcore.trace.model import Trace

SUFFIX: Final = ".simtrace"

_CODES: Final = {Verdict.SAME: ExitCode.YES, Verdict.DIFFERENT: ExitCode.NO, Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE}

_Command = TypeVar("_Command", bound=Callable[..., object])


def verdict_code(verdict: Verdict) -> ExitCode:
    """What a command that gives a verdict ends with."""
    return _CODES[verdict]


def no_color_option() -> Callable[[_Command], _Command]:
    """`--no-color`, which acts as soon as it is read: help that is asked for behind it has no colour either."""

    def forbid(_ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        if value:
            console.forbid_colour()

    return click.option(
        console.NO_COLOUR_OPTION, is_flag=True, is_eager=True, expose_value=False, callback=forbid, help="Print without colour."
    )


def common(function: _Command) -> _Command:
    """The options of every verb: `--json` (passed as `as_json`) and `--no-color`."""
    function = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(function)
    return no_color_option()(function)


def plugin_option(function: _Command) -> _Command:
    """`--plugin FILE`, as often as one likes, passed as `plugins`."""
    return click.option(
        "--plugin", "plugins", metavar="FILE", multiple=True, callback=_named, help="Load a plugin from a file; may be repeated."
    )(function)


def _named(_ctx: click.Context, _param: click.Parameter, files: tuple[str, ...]) -> tuple[str, ...]:
    """The files of `--plugin`; one that is not there costs nothing but itself, and is said."""
    for file in files:
        if not os.path.exists(file):
            from rich.text import Text

            from simcore.trace.text import clean

            console.talk(Text(f"--plugin {clean(file)}: there is no such file", style="yellow"))
    return files


def usage_error(message: str, given: str, known: Iterable[str]) -> UsageError:
    """The error for a name that does not exist, with the name that was probably meant as its hint."""
    from difflib import get_close_matches

    close = get_close_matches(given, list(known), n=1)
    return UsageError(message, f"did you mean {close[0]} ?" if close else "")


def folder() -> TraceFolder:
    """The trace folder, with what interrupted runs left there turned into traces, said on stderr."""
    from simcore.engine.folder import TraceFolder

    found = TraceFolder()
    if (found.path / ".runs").is_dir():
        from rich.text import Text

        from simcore.views.summary import shown_path

        for path in found.recover():
            console.talk(Text(f"recovered {shown_path(path)} from a recording that was cut off", style="yellow"))
    return found


def find_trace(given: str | None) -> Path:
    """The path that a TRACE on the command line means: a file, or the name of one in the trace folder, with or without its
    suffix; None means the latest. Raises: UsageError when there is none."""
    traces = folder()
    if given is None:
        return traces.latest()
    names = [given] if given.endswith(SUFFIX) else [given, given + SUFFIX]
    for name in names:
        for path in (Path(name), traces.path / name):
            if path.is_file():
                return path
    if os.path.isdir(given):
        raise UsageError(f"{given} is a folder, not a trace", f"a trace is one file, *{SUFFIX}")
    known = sorted(path.name for path in traces.path.glob(f"*{SUFFIX}"))
    error = usage_error(
        f"there is no trace {given}, here or in {traces.path}", given, [*known, *(name[: -len(SUFFIX)] for name in known)]
    )
    error.hint = error.hint or ("without a TRACE the latest is taken" if known else "`simcore record NAME` makes one")
    raise error


def load_trace(given: str | None) -> Trace:
    """The trace that a TRACE on the command line means. Raises: UsageError, TraceError."""
    from simcore.trace.model import Trace

    return Trace.load(find_trace(given))


def plural_of(choices: Mapping[str, int]) -> str:
    """What there is to choose from, in one line that does not grow beyond reading."""
    names = list(choices)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
