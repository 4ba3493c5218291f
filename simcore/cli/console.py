"""What the verbs print with: answers to stdout, talk to stderr, JSON, and who decides about colour.

Colour: `--no-color` and NO_COLOR switch it off, FORCE_COLOR on, else the stream decides by being a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

NO_COLOUR_OPTION: Final = "--no-color"

_settings = {"no_color": False}


def forbid_colour() -> None:
    """Write without colour from now on, whatever the environment says."""
    _settings["no_color"] = True


def allow_colour() -> None:
    """Let environment and stream decide again: a process may run more than one command."""
    _settings["no_color"] = False


def colour_of(stream: TextIO) -> bool:
    """Whether what goes to this stream is coloured."""
    if _settings["no_color"] or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody reads this stream as it is written."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        return False


def console_of(stream: TextIO) -> Console:
    """A console that writes to the stream as it is now; markup, emoji and guessed highlights are off: texts stay as they are."""
    from rich.console import Console

    colour = colour_of(stream)
    return Console(
        file=stream,
        force_terminal=True if colour else None,
        force_jupyter=False,  # else rich shows things by itself in a notebook
        color_system="auto" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        legacy_windows=False,
    )


def answer(*renderables: RenderableType) -> None:
    """Print to stdout what was asked for."""
    _print(sys.stdout, renderables)


def warn(problems: Iterable[str]) -> None:
    """Print to stderr what is wrong with something that the answer can do without."""
    from rich.text import Text

    from simcore.trace.text import clean

    for problem in problems:
        talk(Text("warning: ", style="yellow").append(clean(problem), style="default"))


def talk(*renderables: RenderableType) -> None:
    """Print to stderr what goes along with it."""
    _print(sys.stderr, renderables)


def answer_text(text: str) -> None:
    """Print lines that are for programs to stdout, as they are; nothing at all where there are none."""
    sys.stdout.write(f"{text}\n" if text else "")
    sys.stdout.flush()


def answer_json(facts: object, stream: TextIO | None = None) -> None:
    """Print one JSON document, by default to stdout, on one line unless somebody reads along."""
    import json

    to = sys.stdout if stream is None else stream
    to.write(json.dumps(facts, indent=2 if is_terminal(to) else None, default=str) + "\n")
    to.flush()


def answer_json_list(facts: dict[str, object], name: str, items: Iterable[object]) -> None:
    """Print one JSON document whose last member is a list, an item a line, without holding the list in memory."""
    import json

    head = json.dumps(facts, default=str)
    sys.stdout.write(f"{head[:-1]}{', ' if facts else ''}{json.dumps(name)}: [")
    for number, item in enumerate(items):
        sys.stdout.write(f"{',' if number else ''}\n{json.dumps(item, default=str)}")
    sys.stdout.write("\n]}\n")


def _print(stream: TextIO, renderables: Iterable[RenderableType]) -> None:
    console = console_of(stream)
    if colour_of(stream):
        for renderable in renderables:
            console.print(renderable)
        return
    # Without colour nothing needs the spaces that pad a table to the right.
    with console.capture() as capture:
        for renderable in renderables:
            console.print(renderable)
    stream.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))
    stream.flush()
