"""The plugins: each with its state, and what is wrong with one that is broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.trace.text import clean, count, join

if TYPE_CHECKING:
    from simcore.engine.exporter import Exporter
    from simcore.engine.plugins import PluginState

_STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red"}


def plugins_view(plugins: Sequence[PluginState], advice: str = "") -> RenderableType:
    """Every plugin on a line, with its problems below it. `advice` says what to do when there is none."""
    if not plugins:
        return Text("no plugins" + (f": {clean(advice)}" if advice else ""), style="yellow")
    parts: list[RenderableType] = []
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="cyan", max_width=30)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(style="dim", overflow="fold", justify="right", max_width=30)
    for plugin in plugins:
        state = Text(plugin.state, style=_STYLES[plugin.state])
        grid.add_row(state, clean(plugin.name), Text(_contributes(plugin)), clean(_origin(plugin)))
    parts.append(grid)
    troubled = [plugin for plugin in plugins if plugin.problems]
    for plugin in troubled:
        parts.append(Text())
        parts += [Padding(Text(clean(problem)), (0, 0, 0, 2)) for problem in plugin.problems]
    numbers = [count(len(plugins), "plugin"), count(sum(len(plugin.patterns) for plugin in plugins), "pattern")]
    if probes := sum(len(plugin.probes) for plugin in plugins):
        numbers.append(count(probes, "probe"))
    if exporters := sum(len(plugin.exporters) for plugin in plugins):
        numbers.append(count(exporters, "exporter"))
    if kinds := sum(len(plugin.bug_kinds) for plugin in plugins):
        numbers.append(count(kinds, "kind of bugs", "kinds of bugs"))
    summary = Text("\n" + ", ".join(numbers))
    if troubled:
        names = " ".join(clean(plugin.file or plugin.name) for plugin in troubled[:1])
        summary.append(f"; {len(troubled)} with problems: `simcore plugins check {names}` shows the traceback", style="yellow")
    parts.append(summary)
    return Group(*parts)


def plugin_view(plugin: PluginState) -> RenderableType:
    """One plugin in full: its patterns, its problems, the traceback of each."""
    title = Text(clean(plugin.name), style="bold cyan")
    title.append(f"  {plugin.state}", style=_STYLES[plugin.state])
    title.append(f"  {_contributes(plugin)}  from {clean(_origin(plugin))}", style="default not bold")
    parts: list[RenderableType] = [title]
    for problem, detail in zip(plugin.problems, plugin.details, strict=True):
        parts += [Text(), Text(clean(problem))]
        if detail:
            lines = "\n".join(clean(line) for line in detail.rstrip().splitlines())
            parts.append(Padding(Text(lines, style="dim"), (0, 0, 0, 2)))
    return Group(*parts)


def exporters_view(exporters: Sequence[Exporter]) -> RenderableType:
    """Every format on a line: its name, what it is, whose it is where it is a plugin's."""
    if not exporters:
        return Text("no formats: no plugin offers one", style="yellow")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for one in exporters:
        grid.add_row(clean(one.name), clean(one.suffix), clean(one.title))
    return Group(grid, Text(f"\n{count(len(exporters), 'format')}. `simcore export --to NAME` writes one"))


def plugin_facts(plugin: PluginState) -> dict[str, object]:
    """One plugin for `--json`."""
    return {
        "name": plugin.name,
        "version": plugin.version,
        "origin": plugin.origin,
        "file": plugin.file,
        "state": plugin.state,
        "patterns": [pattern.name for pattern in plugin.patterns],
        "probes": list(plugin.probes),
        "exporters": list(plugin.exporters),
        "observers": list(plugin.observers),
        "bug_kinds": list(plugin.bug_kinds),
        "problems": [
            {"problem": problem, "traceback": detail} for problem, detail in zip(plugin.problems, plugin.details, strict=True)
        ],
    }


def _contributes(plugin: PluginState) -> str:
    names = [clean(pattern.name) for pattern in plugin.patterns]
    probes = [count(len(plugin.probes), "probe")] if plugin.probes else []
    if plugin.exporters:
        probes.append(f"{'exporter' if len(plugin.exporters) == 1 else 'exporters'} {', '.join(map(clean, plugin.exporters))}")
    if plugin.observers:
        probes.append(f"{'observer' if len(plugin.observers) == 1 else 'observers'} {', '.join(map(clean, plugin.observers))}")
    if plugin.bug_kinds:
        probes.append(f"{'kind' if len(plugin.bug_kinds) == 1 else 'kinds'} of bugs {', '.join(map(clean, plugin.bug_kinds))}")
    if names == [plugin.name]:
        return join(["pattern", *probes])
    if 0 < len(names) <= 4:
        return join([*names, *probes])
    return join([*([count(len(names), "pattern")] if names or not probes else []), *probes])


def _origin(plugin: PluginState) -> str:
    from simcore.engine.plugin_state import shown

    return shown(plugin.origin)
