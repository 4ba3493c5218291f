"""The screen of a diff: the answer first, in the program's own names, on 80 columns, readable without colour."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from synthetic import build
from test_diff import critical, told

from simcore.diffing import diff
from simcore.trace.events import FIXED_OBJECTS, Kind, Outcome
from simcore.trace.model import ActorInfo, Pending, Trace
from simcore.views.diff import diff_view


def shown(a: Trace, b: Trace, width: int = 80, *, colour: bool = False) -> str:
    """The screen as text, as wide as asked for."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        legacy_windows=False,
    )
    console.print(diff_view(diff(a, b)))
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def named(trace: Trace, path: str) -> Trace:
    """The trace as if it lay in a file of this name, with the source that its sites point into."""
    source = "\n".join(f"line {number}" for number in range(1, 100))
    return replace(trace, path=Path(path), sources={"app.py": source})


@pytest.fixture
def swap() -> tuple[Trace, Trace]:
    """Two runs that part at a lock, after some events alike."""
    start = [*critical("main", "jobs", 39), *critical("main/1", "jobs", 85)]
    main, other = critical("main", "cache_lock", 41), critical("main/1", "cache_lock", 88)
    a = told(*start, *main, *other, *main, "main/1 acquire late ~400")
    failed = {"outcome": Outcome.FAILED, "exit_code": 1, "error": "AssertionError", "error_site": 1}
    b = told(*start, *other, *main, *main, "main/1 acquire late ~12900", **failed)
    return named(a, "pass.simtrace"), named(b, "fail.simtrace")


def test_the_whole_screen(swap: tuple[Trace, Trace]) -> None:
    """Answer, split, both runs side by side with their source, objects, actors, waiting: as designed."""
    assert shown(*swap) == (
        "DIFFERENT ORDER, different outcome (ok / AssertionError at app.py:39)\n"
        "They part at event @4: in A main takes `cache_lock` first (app.py:41), in B\n"
        "main/1 does (app.py:88).\n"
        "\n"
        "   A: pass.simtrace                    |    B: fail.simtrace\n"
        " 2 main/1 took jobs          app.py:85 |  2 main/1 took jobs          app.py:85\n"
        " 3 main/1 released jobs      app.py:86 |  3 main/1 released jobs      app.py:86\n"
        ">4 main   took cache_lock    app.py:41 | >4 main/1 took cache_lock    app.py:88\n"
        " 5 main   released cache_lo.. app.py:42 |  5 main/1 released cache_lo.. app.py:89\n"
        "   app.py:41 | line 41                 |    app.py:88 | line 88\n"
    )
