"""Where a replay left its trace: what the trace has, what the run did, what came before, what to type next."""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.errors import Divergence
from simcore.trace.locate import name_of
from simcore.trace.model import Trace
from simcore.trace.text import clean, count
from simcore.trace.words import Words
from simcore.views.summary import typed_path

BEFORE: Final = 3
"""How many events before the divergence are shown."""


def divergence_view(trace: Trace, divergence: Divergence, matched: int) -> RenderableType:
    """The divergence from `trace`, of which `matched` events were the same."""
    where = "past its end" if divergence.position is None else f"event @{divergence.position}"
    title = Text("DIVERGED", style="bold red")
    title.append(f" at {clean(divergence.actor)}:{divergence.step} ({where})", style="not bold default")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row("the trace has", Text(clean(divergence.recorded)))
    grid.add_row("the run did", Text(clean(divergence.observed), style="bold"))
    if divergence.reason:
        grid.add_row("", Text(f"({clean(divergence.reason)})"))
    for index, earlier in enumerate(_before(trace, divergence)):
        grid.add_row("" if index else "before it", earlier)
    for index, frame in enumerate(divergence.stack.splitlines()):
        grid.add_row("" if index else "its stack", Text(clean(frame.rstrip()), style="dim"))
    last = Text(f"{matched:,} of {count(len(trace), 'event')} were the same.")
    parts: list[RenderableType] = [title, Padding(grid, (0, 0, 0, 2)), Padding(last, (0, 0, 0, 2))]
    for index, command in enumerate(next_commands(trace, divergence)):
        parts.append(Padding(Text("       " if index else "next:  ", style="dim").append(command, style="default"), (0, 0, 0, 2)))
    return Group(*parts)


def next_commands(trace: Trace, divergence: Divergence) -> list[str]:
    """What to type after this divergence: stop just before it, look at the events around it."""
    path = f" {typed_path(trace.path)}" if trace.path is not None else ""
    position = _position(trace, divergence)
    if position is None or not len(trace):
        return []
    first, last = max(position - 10, 0), min(position + 5, len(trace) - 1)
    commands = [f"simcore show{path} --range @{first}..@{last}"]
    earlier = _last_of_actor(trace, divergence.actor, position)
    if earlier is not None:
        commands.insert(0, f"simcore replay{path} --pdb {clean(name_of(trace, earlier))}")
    return commands


def divergence_facts(divergence: Divergence) -> dict[str, object]:
    """The divergence for `--json`; `position` is None past the end of the trace."""
    return {
        "actor": divergence.actor,
        "step": divergence.step,
        "position": divergence.position,
        "recorded": divergence.recorded,
        "observed": divergence.observed,
        "reason": divergence.reason,
        "stack": divergence.stack,
        "hint": divergence.hint,
    }


def _before(trace: Trace, divergence: Divergence) -> list[Text]:
    position = _position(trace, divergence)
    if position is None:
        return []
    words = Words(trace)
    lines = []
    for earlier in range(max(position - BEFORE, 0), position):
        event = trace.event(earlier)
        line = Text(f"@{earlier} {clean(name_of(trace, earlier))} {words.event(earlier)}")
        line.append(f"  {words.site(event.site)}", style="dim")
        lines.append(line)
    return lines


def _position(trace: Trace, divergence: Divergence) -> int | None:
    """The place in the trace, its length for a divergence past the end; None for one that no event of this trace can be near."""
    position = len(trace) if divergence.position is None else divergence.position
    return position if 0 <= position <= len(trace) else None


def _last_of_actor(trace: Trace, name: str, before: int) -> int | None:
    actors = [index for index, info in enumerate(trace.actors) if info.name == name]
    for position in range(before - 1, -1, -1):
        if trace.columns.actor[position] in actors:
            return position
    return None
