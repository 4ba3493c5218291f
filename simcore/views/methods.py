"""A comparison of start methods on the screen: outcome, start, schedule, what a child sees, globals, and the verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.trace.text import clean, count

Row = dict[str, Any]

SEVERITY_STYLES: Final = {
    "FATAL": "bold red",
    "DEADLOCK": "bold red",
    "SILENT": "bold yellow",
    "RANDOM": "bold yellow",
    "HAZARD": "yellow",
    "COST": "cyan",
    "INFO": "dim",
}
_HIGH_LOAD: Final = 1.5
_NAME_WIDTH: Final = 28
_MOST_GLOBALS: Final = 20


def comparison_view(report: Row) -> RenderableType:
    """The whole report."""
    labels = [column["label"] for column in report["columns"]]
    parts: list[RenderableType] = [_head(report), *_overrides(report)]
    parts += _section("OUTCOME", labels, report["outcome"])
    parts += _section("START", labels, report["start"])
    if report["schedule"]:
        parts += _schedule(report, labels)
    parts += _section("WHAT A CHILD SEES AT ITS FIRST LINE", labels, telling_rows(report["child"]))
    parts += _globals(report, labels)
    parts += _verdicts(report)
    return Group(*parts)


def _head(report: Row) -> RenderableType:
    text = Text().append(f"simcore compare {clean(report['program'])}", style="bold")
    text.append(f"\n{report['python']}; ", style="dim")
    runs = f"{count(report['runs'], 'timing run')} and {count(report['state_runs'], 'state run')} for each method, round robin"
    load = f"load {report['load']:.1f} on {count(report['cpus'], 'processor')}"
    text.append(f"{runs}; {load}")
    if report["load"] > _HIGH_LOAD * report["cpus"]:
        text.append(" (HIGH: read ratios, not ms)", style="yellow")
    text.append(f"\nthe program was run {report['times_run']} times; so often were its side effects repeated", style="dim")
    if report["barrier"] == "used":
        text.append("\nbehind a barrier: all children of a run begin together, so SCHEDULE shows the program's logic only")
    elif report["barrier"]:
        text.append("\nthe barrier was given up: the program waits for a child before it starts the next", style="yellow")
    return text


def _overrides(report: Row) -> Iterable[RenderableType]:
    for one in report["overrides"]:
        text = Text("forced  ", style="yellow")
        text.append(f"{one['call']}({one['asked']!r}) at {clean(one['site'])}", style="default")
        yield text.append(f" got {', '.join(one['methods'])}", style="default")


def _title(title: str, more: str = "") -> Text:
    return Text(f"\n{title}", style="bold").append(more, style="default not bold")


def _grid(labels: list[str]) -> Table:
    grid = Table.grid(padding=(0, 0, 0, 1))
    grid.add_column(width=_NAME_WIDTH, overflow="fold")
    for _ in labels:
        grid.add_column(justify="right", min_width=15, max_width=15 if len(labels) > 2 else 24, overflow="fold")
    return grid


def _section(title: str, labels: list[str], rows: list[Row]) -> list[RenderableType]:
    if not rows:
        return []
    grid = _grid(labels)
    grid.add_row("", *(Text(label, style="dim") for label in labels))
    long = [row for row in rows if row["name"] == "a line that differs"]
    for row in rows:
        if row not in long:
            grid.add_row(Text(clean(row["name"])), *_cells([row["values"].get(label) for label in labels]))
    parts: list[RenderableType] = [_title(title), Padding(grid, (0, 0, 0, 2))]
    for row in long:
        parts.append(Text(f"  {row['name']}:"))
        lines = Table.grid(padding=(0, 0, 0, 2))
        lines.add_column(no_wrap=True)
        lines.add_column(overflow="fold")
        for label, value in row["values"].items():
            lines.add_row(Text(f"  {label}", style="dim"), Text(clean(value)))
        parts.append(Padding(lines, (0, 0, 0, 2)))
    return parts


def _cells(values: list[Any]) -> list[Text]:
    """Cells of one row; those that are not as the first stand out."""
    shown = [cell_text(value) for value in values]
    plain = any(isinstance(value, dict) for value in values)
    return [Text(text, style="" if plain or text == shown[0] or not index else "yellow") for index, text in enumerate(shown)]


def cell_text(value: Any) -> str:
    """A value of a row in as few characters as tell it."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        middle = value["median"]
        return f"{middle:.{0 if middle >= 100 else 1}f} [{value['min']:.0f}-{value['max']:.0f}]"
    return clean(str(value))


def telling_rows(rows: list[Row]) -> list[Row]:
    """The rows in which methods differ, and those that everybody looks for."""
    always = ("open fds (files, sockets)", "modules loaded", "memory of its own, MB", "ppid is the parent")
    told = [row for row in rows if sum(value is not None for value in row["values"].values()) > 1]
    return [row for row in told if row["name"] in always or len(set(map(str, row["values"].values()))) > 1]


def _schedule(report: Row, labels: list[str]) -> list[RenderableType]:
    grid = Table.grid(padding=(0, 0, 0, 1))
    grid.add_column(width=16, overflow="fold")
    for _ in labels:
        grid.add_column(justify="right", min_width=13, overflow="fold")
    for _ in [*labels[1:], "noise"]:
        grid.add_column(justify="right", min_width=6)
    short = [label.replace("forkserver", "fksrv") for label in labels[1:]]
    grid.add_row("", *labels, *short, "noise", style="dim")
    for row in report["schedule"]:
        cells = [cell_text(row["values"].get(label)) for label in labels]
        deltas = [f"{row['delta'][label]:+.2f}" for label in labels[1:]] if "delta" in row else []
        noise = [f"{row['noise']:.2f}"] if "noise" in row else []
        grid.add_row(clean(row["name"]), *cells, *deltas, *noise)
    more = f"  median [least-most], Cliff's delta against {labels[0]}, and within one method"
    return [_title("SCHEDULE"), Text(more, style="dim"), Padding(grid, (0, 0, 0, 2))]


def _globals(report: Row, labels: list[str]) -> list[RenderableType]:
    found = report["globals"]
    if not found["reached"]:
        return []
    title = _title("GLOBALS THE TARGETS CAN REACH", f" ({count(found['reached'], 'name')}, {found['differ']} differ)")
    if not found["rows"]:
        return [title]
    grid = _grid(labels)
    grid.add_row("", *(Text(label, style="dim") for label in labels))
    for row in found["rows"][:_MOST_GLOBALS]:
        values = [row["values"].get(label) for label in labels]
        grid.add_row(Text(clean(row["name"] + row["path"])), *_cells(values))
    parts: list[RenderableType] = [title, Padding(grid, (0, 0, 0, 2))]
    if len(found["rows"]) > _MOST_GLOBALS:
        parts.append(Text(f"  and {len(found['rows']) - _MOST_GLOBALS} more: --json has all", style="dim"))
    return parts


def _verdicts(report: Row) -> list[RenderableType]:
    parts: list[RenderableType] = [_title("VERDICTS")]
    if not report["verdicts"]:
        parts.append(Text("  none: this program does the same under all of them"))
    grid = Table.grid(padding=(0, 0, 0, 2))
    grid.add_column(width=8)
    grid.add_column(overflow="fold")
    for verdict, following in pairwise([*report["verdicts"], {"fix": ""}]):
        text = Text(clean(verdict["text"]))
        if verdict["seen"]:
            text.append(f"  [{clean(verdict['seen'])}]", style="dim")
        grid.add_row(Text(verdict["severity"], style=SEVERITY_STYLES[verdict["severity"]]), text)
        if verdict["fix"] and verdict["fix"] != following["fix"]:  # once for all that are put right in one way
            grid.add_row("", Text("fix: ", style="green").append(clean(verdict["fix"]), style="default"))
    parts.append(Padding(grid, (0, 0, 0, 2)))
    parts += _footer(report)
    return parts


def _footer(report: Row) -> list[RenderableType]:
    methods = {column["method"] for column in report["columns"]}
    lines = []
    if "forkserver" in methods and len(methods) > 1:
        minor = tuple(map(int, report["python"].split()[-1].split(".")[:2]))
        above = sum("forkserver" in verdict["methods"] and verdict["severity"] != "INFO" for verdict in report["verdicts"])
        met = f"this program meets the {count(above, 'verdict')} on it there" if above else "nothing above speaks against it"
        if minor >= (3, 14):
            lines.append("forkserver is the default of this Python.")
        else:
            lines.append(f"From Python 3.14 on forkserver is the default on Linux: {met}.")
    lines += [f"Not on this Python: {row['title']} ({row['why']})." for row in report["not_on_this_python"]]
    if report["verdicts"]:
        lines.append("What was not seen is no proof: looked at were the runs above, and what bytecode shows of the targets.")
    return [Text("\n" + "\n".join(lines), style="dim")] if lines else []
