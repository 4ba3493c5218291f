"""The patterns: all of them a line each, and one of them as a lesson."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.trace.text import clean, count, join

if TYPE_CHECKING:
    from simcore.engine.plugins import Pattern, PluginHost

CHAPTERS: Final = {"1": "threading", "2": "multiprocessing", "3": "subprocess", "repo": "concurrent.futures"}
"""What sections, or their leading numbers, stand for; another section stands under its own name."""


def listing_view(host: PluginHost) -> RenderableType:
    """Every pattern by chapter: its name, what it shows, what it expects, where it comes from."""
    chapters: dict[str, list[Pattern]] = {}
    for pattern in sorted(host.patterns.values(), key=lambda pattern: (_order(pattern.section), pattern.name)):
        chapters.setdefault(_chapter(pattern.section), []).append(pattern)
    parts: list[RenderableType] = []
    names = max((len(name) for name in host.patterns), default=0)
    mixed = len({_short_origin(host, pattern) for pattern in host.patterns.values()}) > 1
    for chapter, patterns in chapters.items():
        parts.append(Text(clean(chapter), style="bold"))
        grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
        grid.add_column(no_wrap=True, style="cyan", min_width=min(names, 30))
        grid.add_column(ratio=1, overflow="fold")
        if mixed:  # else the last line says where all come from
            grid.add_column(style="dim", max_width=24, overflow="fold", justify="right")
        for pattern in patterns:
            grid.add_row(clean(pattern.name), _title(pattern), *([clean(_short_origin(host, pattern))] if mixed else []))
        parts.append(Padding(grid, (0, 0, 0, 2)))
    if parts:
        parts.append(Text())
    parts.append(_footer(host))
    return Group(*parts)


def listing_facts(host: PluginHost) -> dict[str, object]:
    """The same for `--json`."""
    return {
        "patterns": [pattern_facts(host, pattern) for pattern in host.patterns.values()],
        "broken_plugins": [plugin.name for plugin in host.plugins if plugin.state == "broken"],
    }


def info_view(host: PluginHost, pattern: Pattern) -> RenderableType:
    """One pattern: what it teaches, its parameters with defaults, what it expects, where it comes from, what to type."""
    title = Text(clean(pattern.name), style="bold cyan")
    title.append(f"  {clean(pattern.title)}", style="default not bold")
    parts: list[RenderableType] = [title]
    if pattern.title_ja:
        parts.append(Text(clean(pattern.title_ja), style="dim"))
    paragraphs = [_flowing(part) for part in (pattern.summary, *pattern.lesson.split("\n\n")) if part.strip()]
    if paragraphs and paragraphs[0].rstrip(".") == clean(pattern.title).rstrip("."):
        del paragraphs[0]
    for paragraph in paragraphs:
        parts += [Text(), Padding(Text(paragraph), (0, 0, 0, 2))]
    parts += [Text(), _parameters(pattern), Text()]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("expects", clean(join(sorted(pattern.expect), "or")))
    if pattern.start_methods:
        grid.add_row("started by", clean(join(list(pattern.start_methods), "or")))
    grid.add_row("granularity", clean(pattern.granularity))
    grid.add_row("section", clean(pattern.section))
    grid.add_row("comes from", clean(f"{origin(host, pattern)}, {pattern.file}:{pattern.line}"))
    first = next((f" -p {parameter.name}={_spelled(parameter.default)}" for parameter in pattern.parameters), "")
    plugin = f" --plugin {pattern.plugin_file}" if pattern.plugin_file else ""
    grid.add_row("next", Text(clean(f"simcore record {pattern.name}{plugin}{first}")))
    parts.append(grid)
    return Group(*parts)


def pattern_facts(host: PluginHost, pattern: Pattern, *, source: bool = False) -> dict[str, object]:
    """One pattern for `--json`, with `source` the text of its file, too."""
    return {
        "name": pattern.name,
        "section": pattern.section,
        "title": pattern.title,
        "title_ja": pattern.title_ja,
        "summary": pattern.summary,
        "lesson": pattern.lesson,
        "parameters": [
            {
                "name": parameter.name,
                "type": parameter.type,
                "default": parameter.default,
                "choices": list(parameter.choices),
            }
            for parameter in pattern.parameters
        ],
        "expect": sorted(pattern.expect),
        "start_methods": list(pattern.start_methods),
        "granularity": pattern.granularity,
        "plugin": pattern.plugin,
        "origin": origin(host, pattern),
        "file": pattern.file,
        "line": pattern.line,
        **({"source": source_of(pattern)} if source else {}),
    }


def source_of(pattern: Pattern) -> str:
    """The text of the file that a pattern stands in, what is not printable escaped; '' where there is no such file."""
    try:
        lines = Path(pattern.file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return "".join(f"{clean(line)}\n" for line in lines)


def origin(host: PluginHost, pattern: Pattern) -> str:
    """Where a pattern comes from: the distribution and version of its plugin, or the plugin's file."""
    from simcore.engine.plugin_state import shown

    of_plugin = next((plugin for plugin in host.plugins if pattern in plugin.patterns), None)
    return shown(of_plugin.origin) if of_plugin is not None else pattern.plugin


def _short_origin(host: PluginHost, pattern: Pattern) -> str:
    """The origin without version or folder: a line has little room, and `info` says it in full."""
    if pattern.plugin_file:
        return pattern.plugin_file.rpartition("/")[2]
    return origin(host, pattern).removesuffix(f" {pattern.plugin_version}")


def _title(pattern: Pattern) -> Text:
    text = Text(clean(pattern.title))
    if pattern.expect != {"ok"}:
        text.append(f"  expects {clean(join(sorted(pattern.expect), 'or'))}", style="yellow")
    if len(pattern.start_methods) == 1:
        text.append(f"  {clean(pattern.start_methods[0])} only", style="dim")
    return text


def _parameters(pattern: Pattern) -> RenderableType:
    if not pattern.parameters:
        return Text("It has no parameters.", style="dim")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("parameter", style="cyan", no_wrap=True)
    table.add_column("type", overflow="fold")
    table.add_column("default", overflow="fold")
    for parameter in pattern.parameters:
        table.add_row(clean(parameter.name), Text(clean(parameter.type)), Text(clean(_spelled(parameter.default))))
    return table


def _footer(host: PluginHost) -> Text:
    if not host.patterns:
        text = Text("no patterns", style="yellow")
        return text.append(f": {clean(host.advice)}" if host.advice else "", style="default")
    origins = {origin(host, pattern) for pattern in host.patterns.values()}
    text = Text(f"{count(len(host.patterns), 'pattern')} from {clean(join(sorted(origins)))}.\n")
    text.append("`simcore info NAME` teaches one; `simcore record NAME` runs it.", style="dim")
    broken = [plugin.name for plugin in host.plugins if plugin.state != "ok"]
    if broken:
        text.append(f"\n{clean(join(broken))} {'does' if len(broken) == 1 else 'do'} not work in full", style="yellow")
        text.append(": `simcore plugins` says why.", style="default")
    return text


def _chapter(section: str) -> str:
    number = re.match(r"(\d+)", section)
    if number is None:
        return CHAPTERS.get(section, section)
    return f"{number[1]} {CHAPTERS[number[1]]}" if number[1] in CHAPTERS else number[1]


def _order(section: str) -> tuple[bool, str, list[int]]:
    """Numbered sections first and by their numbers (1-6-10 after 1-6-2), then the others by name."""
    numbers = [int(digits) for digits in re.findall(r"\d{1,6}", section)]
    numbered = section[:1].isdigit()
    return (not numbered, "" if numbered else section, numbers)


def _flowing(paragraph: str) -> str:
    """A paragraph as one line, to be wrapped to the terminal; one with indented lines (code, a list) keeps its lines."""
    lines = paragraph.strip("\n").splitlines()
    if any(line.startswith((" ", "-", "*")) for line in lines):
        return "\n".join(clean(line) for line in lines)
    return clean(" ".join(" ".join(lines).split()))


def _spelled(value: object) -> str:
    from simcore.engine.parameters import spelled

    return spelled(value)
