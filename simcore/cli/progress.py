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
def progress(runs: int, note: str = "") -> Iterator[Callable[[str], None]]:
    """A bar on stderr, behind a note, where that is a terminal. Yields what to call before each run, with its label."""
    numbers, done = count(1), count()

    def line_of(label: str) -> str:
        return f"run {next(numbers)} of {runs}  {label}".rstrip()

    if not runs or not console.is_terminal(sys.stderr):
        before = f"{note}; " if note else ""
        yield lambda label: tell(before + line_of(label)) if runs else None
        tell(note)
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    if note:
        console.talk(Text(note, style="dim"))
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console.console_of(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=runs)
        yield lambda label: bar.update(task, completed=next(done), description=line_of(label))
