"""A bar for somebody who watches a command that runs a program many times."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simcore.cli import console


@contextmanager
def progress(runs: int, note: str = "") -> Iterator[Callable[[str], None]]:
    """A bar on stderr, behind a note; nothing where that is no terminal. Yields what to call before each run, with its label."""
    if not runs or not console.is_terminal(sys.stderr):
        yield lambda _label: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    if note:
        console.talk(Text(note, style="dim"))
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console.console_of(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=runs)
        number = 0

        def advance(label: str) -> None:
            nonlocal number
            bar.update(task, completed=number, description=f"run {number + 1} of {runs}  {label}")
            number += 1

        yield advance
