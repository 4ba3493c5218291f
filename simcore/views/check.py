"""What `simcore plugins check` found: a line per pattern and start method, then each thing that cannot be relied on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.trace.text import clean, count, join

if TYPE_CHECKING:
    from simcore.kit.check import Checked, Finding


def check_view(checked: Sequence[Checked], times: int) -> RenderableType:
    """Every pattern and start method on a line; findings below, each said once with the start methods it was seen under."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for one in checked:
        state = Text("FAULT", style="bold red") if one.findings else Text("same", style="green")
        grid.add_row(state, clean(one.pattern), one.method, f"ends {join(list(one.ends), 'or')}")
    parts: list[RenderableType] = [grid]
    for pattern, finding, methods in _told_once(checked):
        head = Text(f"\n{clean(pattern)}", style="bold cyan")
        if methods:
            head.append(f" under {join(methods)}", style="default not bold")
        head.append(f": {finding.what}", style="default not bold")
        rows = Table.grid(padding=(0, 1, 0, 0))
        rows.add_column(no_wrap=True, style="dim")
        rows.add_column(overflow="fold")
        for label, text in (("at", finding.where), ("", finding.line), ("why", finding.why), ("fix", finding.fix)):
            if text:
                rows.add_row(label, Text(text, style="bold" if label == "" else ""))
        parts += [head, Padding(rows, (0, 0, 0, 2))]
    notes = dict.fromkeys((one.pattern, note) for one in checked for note in one.notes)
    if notes:
        parts.append(Text())
    for pattern, note in notes:
        parts.append(Text("note ", style="yellow").append(f"{clean(pattern)}: {note}", style="default"))
    bad = len({(one.pattern, one.method) for one in checked if one.findings})
    runs = f"{count(times, 'recording')} of each, each replayed once"
    if times > 1:
        runs += " with its objects moved or directories listed backwards"
    last = Text("\n")
    last.append(
        f"{bad} of {len(checked)} cannot be relied on" if bad else "all replays the same, all ends as declared", style="bold"
    )
    parts += [last, Text(runs, style="dim")]
    return Group(*parts)


def _told_once(checked: Sequence[Checked]) -> list[tuple[str, Finding, list[str]]]:
    """Findings that several start methods share, once."""
    found: dict[tuple[str, str, str], tuple[str, Finding, list[str]]] = {}
    for one in checked:
        for finding in one.findings:
            key = (one.pattern, finding.where, finding.why or finding.what)
            found.setdefault(key, (one.pattern, finding, []))[2].append(one.method)
    return [(pattern, finding, [m for m in methods if m]) for pattern, finding, methods in found.values()]


def checked_facts(one: Checked) -> dict[str, object]:
    """One pattern under one start method for `--json`."""
    return {
        "pattern": one.pattern,
        "start_method": one.method or None,
        "runs": one.runs,
        "ends": list(one.ends),
        "findings": [
            {"what": found.what, "where": found.where, "line": found.line, "why": found.why, "fix": found.fix}
            for found in one.findings
        ],
        "notes": list(one.notes),
    }
