"""The answer of `simcore locks`: each cycle with who holds what and asks for what where, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.analysis import Answer, Cycle, Locks, Request
from simcore.analysis.result import LockInfo
from simcore.trace.events import Outcome
from simcore.trace.model import Site, Trace
from simcore.trace.text import clean, count, join
from simcore.trace.words import OBJECT_WORDS
from simcore.views.deadlock import deadlock_view
from simcore.views.sides import source_of
from simcore.views.summary import outcome_words, scenario_name, typed_path

MOST_CYCLES: Final = 10
"""Of more cycles only the first are shown."""


def locks_view(found: Locks, *, everything: bool = False) -> RenderableType:
    """The whole screen: the answer, a block per cycle, what may be hidden, what to type next."""
    shown = found.cycles if everything else found.cycles[:MOST_CYCLES]
    parts: list[RenderableType] = [_headline(found), _circumstances(found)]
    if found.deadlock and not any(cycle.struck for cycle in found.cycles):
        parts += [Text(), _title("CERTAIN", "this run ended in it"), deadlock_view(found.trace)]
    for cycle in shown:
        parts += [Text(), *_cycle(found.trace, cycle)]
    if left := len(found.cycles) - len(shown):
        parts += [Text(), Text(f"and {left:,} more, as short or longer: --all shows them")]
    if not found.complete:
        parts += [Text(), Text("Locks are taken in too many orders here to look at all of them.", style="yellow")]
    if found.unseen:
        parts += [Text(), Text("NOT SEEN: ", style="bold yellow").append(clean("; ".join(found.unseen)), style="default")]
    if shown:
        parts += [Text(), _next(found.trace, shown[0])]
    return Group(*parts)


def _headline(found: Locks) -> Text:
    possible = sum(not cycle.struck for cycle in found.cycles)
    more = "" if found.complete else " OR MORE"
    told = f"{possible:,}{more} POTENTIAL DEADLOCK{'' if possible == 1 and not more else 'S'}"
    if found.answer is Answer.INCONCLUSIVE:
        text = Text("NO ANSWER", style="bold yellow")
        return text.append("  no cycle was found, but something may hide one", style="default not bold")
    if found.answer is Answer.NONE:
        text = Text("NO DEADLOCK IN SIGHT", style="bold green")
        return text.append("  in what this run did with its locks", style="default not bold")
    if found.deadlock or any(cycle.struck for cycle in found.cycles):
        text = Text("DEADLOCK", style="bold red").append("  this run ended in it", style="default not bold")
        return text.append(f", and has {told.lower()} beside it" if possible else "", style="default not bold")
    struck = "it did not strike" if possible == 1 and not more else "none struck"
    text = Text(told, style="bold yellow")
    return text.append(f"  {struck} in this run; other turns can lead there", style="default not bold")


def _circumstances(found: Locks) -> Text:
    what = f"{count(found.locks, 'lock')}, {count(found.requests, 'nested request')}"
    return Text(f"{scenario_name(found.trace)}  {outcome_words(found.trace)}   {what}", style="dim")


def _title(word: str, rest: str) -> Text:
    return Text(word, style="bold red" if word == "CERTAIN" else "bold yellow").append(f"  {rest}", style="default not bold")


def _cycle(trace: Trace, cycle: Cycle) -> Iterator[RenderableType]:
    names = _names(cycle)
    locks = [names[request.held.name] if len(cycle.requests) > 2 else _in_full(names, request.held) for request in cycle.requests]
    yield _title("CERTAIN" if cycle.struck else "POTENTIAL", join(locks))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(max_width=24, overflow="fold")
    grid.add_column(overflow="fold")
    told: set[Site] = set()
    for request in cycle.requests:
        grid.add_row(Text(_actor(request), style="bold"), _request(trace, names, request, told))
    grid.add_row(Text("fix", style="green"), Text(_fix(names, cycle)))
    yield Padding(grid, (0, 0, 0, 2))


def _names(cycle: Cycle) -> dict[str, str]:
    """What each lock of a cycle is called, by its name that agrees between runs; that is taken where two have one label."""
    locks = {lock.name: lock for request in cycle.requests for lock in (request.held, *request.gates)}
    labels = Counter(lock.label for lock in locks.values())
    return {name: f"`{clean(lock.label if labels[lock.label] == 1 else name)}`" for name, lock in locks.items()}


def _in_full(names: dict[str, str], lock: LockInfo) -> str:
    about = ", ".join(part for part in (OBJECT_WORDS.get(lock.kind, ""), clean(str(lock.site))) if part)
    return f"{names[lock.name]} ({about})"


def _actor(request: Request) -> str:
    name = clean(request.actor)
    return f'{name} "{clean(request.thread_name)}"' if request.thread_name not in ("", "MainThread") else name


def _request(trace: Trace, names: dict[str, str], request: Request, told: set[Site]) -> Text:
    """What an actor holds and asks for, with the lines of the source that are not `told` yet."""
    text = Text(f"holds {names[request.held.name]}")
    if request.taken_at.line:
        text.append(f" (taken at {_place(request.taken_at)})")
    text.append(" and waits for " if request.position is None else " and asks for ")
    text.append(names[request.asked.name])
    if request.asked_at.line:
        text.append(f" at {_place(request.asked_at)}")
    if request.gates:
        text.append(f"; it also holds {join([names[lock.name] for lock in request.gates])}", style="dim")
    for site in (request.taken_at, request.asked_at):
        if site not in told and (line := source_of(trace, site)):
            text.append(f"\n{_place(site)} | {line}", style="dim")
        told.add(site)
    return text


def _fix(names: dict[str, str], cycle: Cycle) -> str:
    """What to do, in a line: which order most requests of the trace keep to, and which line does not."""
    rarest = cycle.rarest
    total = sum(request.times for request in cycle.requests)
    if len({(request.taken_at, request.asked_at) for request in cycle.requests}) == 1:
        place = _place(cycle.requests[0].taken_at) or "one place"
        return f"all of them come by {place}: take the locks in one order there, say sorted"
    if rarest is None:
        order = ", then ".join(names[request.held.name] for request in cycle.requests)
        return f"take them in one order everywhere, say {order}; no order prevails in this trace"
    held, asked, place = names[rarest.held.name], names[rarest.asked.name], _place(rarest.asked_at) or "the other place"
    if len(cycle.requests) == 2:
        return f"take {asked} before {held}, as {total - rarest.times:,} of {total:,} requests do: change {place}"
    return f"take {asked} before {held}: change {place}, the rarest of these orders ({rarest.times:,} of {total:,} requests)"


def _place(site: Site) -> str:
    return clean(str(site))


def _next(trace: Trace, cycle: Cycle) -> Text:
    place = f" {typed_path(trace.path)}" if trace.path is not None else ""
    got = [f"@{request.position}" for request in cycle.requests if request.position is not None]
    where = got[0] if got else "deadlock" if trace.outcome is Outcome.DEADLOCK else ""
    return Text.assemble(("next:  ", "dim"), f"simcore show{place}{f' --range {where}' if where else ''}")
