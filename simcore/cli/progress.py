"""The bar that shows how far a command is which runs a program many times."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simcore.cli import console


@contextmanager
def progress(runs: int, says_first: str = "") -> Iterator[Callable[[str], None]]:
    """A bar on stderr for somebody who watches, below a line that `says_first` what there is to know; nothing otherwise.

    Yields what to call before each run with its label.
    """
    if not runs or not console.is_terminal(sys.stderr):
        yield lambda _label: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    if says_first:
        console.talk(Text(says_first, style="dim"))
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console.console_of(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=runs)
        number = 0

        def advance(label: str) -> None:
            nonlocal number
            bar.update(task, completed=number, description=f"run {number + 1} of {runs}  {label}")
            number += 1

        yield advance
