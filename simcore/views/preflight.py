"""What a change of the start method would change: the answer in a line, then each finding with its places and its fix."""

from __future__ import annotations

import os
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
    ("HANGS UNDER FORK", (Severity.DEADLOCK,)),
    ("WOULD DIFFER SILENTLY", (Severity.SILENT, Severity.RANDOM)),
    ("GOES WRONG AT TIMES", (Severity.HAZARD, Severity.COST)),
    ("WORTH KNOWING", (Severity.INFO,)),
)
_STYLES: Final = {Severity.FATAL: "bold red", Severity.DEADLOCK: "bold red", Severity.SILENT: "bold yellow"}
_MOST_PLACES: Final = 3


def preflight_view(result: Preflight) -> RenderableType:
    """The whole answer, worst first."""
    parts: list[RenderableType] = [_headline(result)]
    parts += [Padding(line, (0, 0, 0, 2)) for line in _circumstances(result)]
    for title, severities in _GROUPS:
        found = [finding for finding in result.findings if finding.severity in severities]
        if found:
            parts += [Text(), Text(title, style=_STYLES.get(severities[0], "bold"))]
            parts += [Padding(_finding(finding, names_severity=len(severities) > 1), (0, 0, 0, 2)) for finding in found]
    if result.fine:
        parts += [Text(), Text("FINE", style="bold green")]
        parts += [Padding(Text(clean(line)), (0, 0, 0, 2)) for line in result.fine]
    parts += [Text(), Text("next:  ", style="dim").append(_next(result), style="default")]
    return Group(*parts)


def _headline(result: Preflight) -> Text:
    text = Text(f"{scenario_name(result.trace)}  fork -> {result.method}: ")
    answer, style = _answer(result)
    return text.append(answer, style=style)


def _answer(result: Preflight) -> tuple[str, str]:
    if not result.starts:
        if result.findings:
            return "no process was started by multiprocessing", "bold yellow"
        return "nothing to foretell, it started no process", "bold"
    worst = result.worst()
    if worst is None or worst is Severity.INFO:
        return "nothing was seen that would change", "bold green"
    groups = [
        (sum(finding.severity is Severity.FATAL for finding in result.findings), "would break"),
        (sum(finding.severity in (Severity.SILENT, Severity.RANDOM) for finding in result.findings), "would differ silently"),
        (sum(finding.severity is Severity.DEADLOCK for finding in result.findings), "hang under fork"),
        (sum(finding.severity in (Severity.HAZARD, Severity.COST) for finding in result.findings), "hazards"),
    ]
    return ", ".join(f"{number} {word}" for number, word in groups if number), _STYLES.get(worst, "bold yellow")


def _circumstances(result: Preflight) -> list[Text]:
    """From what this was told: one run under fork, and how that went."""
    header = result.trace.header
    parts = [
        f"one run under fork: {outcome_words(result.trace)}",
        count(result.starts, "start"),
        f"{header.implementation} {header.python}",
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


def _finding(finding: Finding, *, names_severity: bool) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    what = Text(clean(finding.what))
    if names_severity and finding.severity in (Severity.RANDOM, Severity.COST):
        what = Text(f"{finding.severity.name} ", style="bold").append(what)
    if finding.of > 1 and finding.count:
        what.append(f"  ({finding.count} of {count(finding.of, 'start')})", style="dim")
    grid.add_row("-", what)
    if finding.places:
        grid.add_row("", Text("at   ", style="dim").append(_places(finding.places), style="default"))
    if finding.seen:
        grid.add_row("", Text("why  ", style="dim").append(clean(finding.seen), style="default"))
    if finding.fix:
        grid.add_row("", Text("fix  ", style="green").append(clean(finding.fix), style="default"))
    return grid


def _places(places: Sequence[tuple[str, int]]) -> str:
    shown = [f"{clean(_short(file))}:{line}" for file, line in places[:_MOST_PLACES]]
    return "  ".join(shown)


def _short(file: str) -> str:
    """A path as one would type it here, else its last part."""
    try:
        return os.fspath(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return os.path.basename(file)


def _next(result: Preflight) -> str:
    name = scenario_name(result.trace)
    return f"simcore compare {name} --methods fork,{result.method}   measures it"
