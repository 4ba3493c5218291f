"""For somebody who watches a command that runs a program many times: a bar in a terminal, lines for who asks for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from simcore.cli import console

_watchers: Final[list[Callable[[str], object]]] = []


def watch(watcher: Callable[[str], object]) -> None:
    """Have it told in a line, from now on, how far a command is; each line takes the place of the one before."""
    _watchers.append(watcher)


def tell(line: str) -> None:
    """Tell all who watch."""
    for watcher in _watchers:
        watcher(line)


@contextmanager
def shown(runs: int, first: str = "", *, to_the_end: bool = True) -> Iterator[Callable[[int, str], None]]:
    """A bar on stderr where that is a terminal, else lines. Yields what to call with how many runs are done, and a line on that.

    A bar begins with the line `first`, and says how long it will take `to_the_end`, unless that may never be reached.
    """
    if not runs or not console.is_terminal(sys.stderr):
        yield lambda done, line: tell(line)
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()]
    with Progress(*columns[: 4 if to_the_end else 3], console=console.console_of(sys.stderr), transient=True) as bar:
        task = bar.add_task(first, total=runs)
        yield lambda done, line: bar.update(task, completed=done, description=line)


@contextmanager
def progress(runs: int, note: str = "") -> Iterator[Callable[[str], None]]:
    """The same behind a note. Yields what to call before each run, with its label."""
    before = ""
    if note and console.is_terminal(sys.stderr):
        from rich.text import Text

        console.talk(Text(note, style="dim"))
    elif note:
        before = f"{note}; "
    done = count()
    with shown(runs) as show:

        def advance(label: str) -> None:
            number = next(done)
            show(number, f"{before}run {number + 1} of {runs}  {label}".rstrip())

        yield advance
    tell(note)  # that stays, in the place of the last run
