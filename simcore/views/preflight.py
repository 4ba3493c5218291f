"""What a change of the start method would change: the answer in a line, then each finding with its places and its fix."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.methods.preflight import Finding, Preflight
from simcore.methods.rows import Severity
from simcore.trace.events import Outcome
from simcore.trace.text import clean, count
from simcore.views.summary import outcome_words, scenario_name

_GROUPS: Final = (
    ("WOULD BREAK LOUDLY", (Severity.FATAL,)),
    ("MAY HANG UNDER FORK", (Severity.DEADLOCK,)),
    ("WOULD DIFFER SILENTLY", (Severity.SILENT,)),
    ("WOULD DRAW OTHER NUMBERS", (Severity.RANDOM,)),
    ("MAY GO WRONG AT TIMES", (Severity.HAZARD, Severity.COST)),
    ("WORTH KNOWING", (Severity.INFO,)),
)
_STYLES: Final = {Severity.FATAL: "bold red", Severity.DEADLOCK: "bold red", Severity.SILENT: "bold yellow"}
_SHORT: Final = {
    Severity.FATAL: "would break",
    Severity.DEADLOCK: "may hang under fork",
    Severity.SILENT: "would differ silently",
    Severity.RANDOM: "would draw other numbers",
    Severity.HAZARD: "may go wrong at times",
    Severity.COST: "would cost more",
}
_MOST_PLACES: Final = 4


def preflight_view(result: Preflight) -> RenderableType:
    """The whole answer, worst first."""
    parts: list[RenderableType] = [_headline(result)]
    parts += [Padding(line, (0, 0, 0, 2)) for line in _circumstances(result)]
    for title, severities in _GROUPS:
        found = [finding for finding in result.findings if finding.severity in severities]
        if found:
            parts += [Text(), Text(title, style=_STYLES.get(severities[0], "bold"))]
            parts += [Padding(_finding(finding), (0, 0, 0, 2)) for finding in found]
    if result.fine:
        parts += [Text(), Text("FINE", style="bold green")]
        parts += [Padding(_fine(line), (0, 0, 0, 2)) for line in result.fine]
    parts += [Text(), Text.assemble(("next:  ", "dim"), _next(result))]
    return Group(*parts)


def _headline(result: Preflight) -> Text:
    text = Text(f"{_name(result)}  fork -> {result.method}: ")
    answer, style = _answer(result)
    return text.append(answer, style=style)


def _answer(result: Preflight) -> tuple[str, str]:
    if not result.starts:
        if result.trace.outcome is not Outcome.OK:
            return "no answer, the run failed before it started a process", "bold yellow"
        if result.findings:
            return "no process was started by multiprocessing", "bold yellow"
        return "nothing to foretell, it started no process", "bold"
    worst = result.worst()
    if worst is None or worst is Severity.INFO:
        return "nothing was seen that would change", "bold green"
    numbers = {severity: sum(finding.severity is severity for finding in result.findings) for severity in _SHORT}
    told = [f"{number} {_SHORT[severity]}" for severity, number in numbers.items() if number]
    return ", ".join(told), _STYLES.get(worst, "bold yellow")


def _circumstances(result: Preflight) -> list[Text]:
    """From what this was told: one run under fork, and how that went."""
    header = result.trace.header
    parts = [
        f"one run under fork: {outcome_words(result.trace)}",
        count(result.starts, "start"),
        f"Python {header.python}",
    ]
    if result.ready_s is not None:
        parts.append(f"a fresh child is ready after {result.ready_s * 1000:.0f} ms")
    lines = [Text("   ".join(parts), style="dim")]
    if result.trace.outcome not in (Outcome.OK,):
        error = f": {clean(result.trace.ending.error)}" if result.trace.ending.error else ""
        lines.append(Text(f"it did not end well{error}; told is what it did until then", style="yellow"))
    failed = [what for what in result.trace.ending.not_controlled if "probe that failed" in what]
    lines += [Text(f"A LOOK FAILED: {clean(what)}", style="bold yellow") for what in failed]
    return lines


def _finding(finding: Finding) -> RenderableType:
    what = Text(clean(finding.what))
    if finding.of > 1 and finding.count:
        what.append(f"  ({finding.count} of {count(finding.of, 'start')})", style="dim")
    details = Table.grid(padding=(0, 2, 0, 0))
    details.add_column(no_wrap=True)
    details.add_column(overflow="fold")
    for label, text, style in (
        ("at", _places(finding.places), "dim"),
        ("why", finding.seen, "dim"),
        ("fix", finding.fix, "green"),
    ):
        if text:
            details.add_row(Text(label, style=style), Text(clean(text)))
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("-", what)
    if details.row_count:
        grid.add_row("", details)
    return grid


def _fine(line: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row("-", Text(clean(line)))
    return grid


def _places(places: Sequence[tuple[str, int, str]]) -> str:
    """`changed thumbs.py:25, defined :3, read by work :15`."""
    shown, last = [], ""
    for file, line, word in places[:_MOST_PLACES]:
        shown.append(f"{clean(word)} {'' if file == last else clean(_short(file))}:{line}")
        last = file
    return ", ".join(shown)


def _short(file: str) -> str:
    """A path as one would type it here, else its last part."""
    try:
        return os.fspath(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return os.path.basename(file)


def _name(result: Preflight) -> str:
    scenario = result.trace.header.scenario
    return clean(_short(scenario.name)) if scenario.target == "file" else scenario_name(result.trace)


def _next(result: Preflight) -> str:
    return f"simcore compare --methods fork,{result.method} {clean(shlex.join(result.words))}"
