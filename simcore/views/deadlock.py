"""Who waits for whom: the report of a deadlock, and of what never completed in a run that stalled or was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from signal import SIGTERM
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.trace.events import Kind
from simcore.trace.model import DeadlockLink, Trace
from simcore.trace.text import clean, duration, join
from simcore.trace.words import Words, runner_actors

_ENDING: Final = frozenset({SIGTERM, 9})
"""Signals by which a program ends its processes: the second is SIGKILL, which not every system has a name for."""

MOST_PLACES: Final = 6
"""Of more places where a lock was taken only the first ones and the last are shown."""


def deadlock_view(trace: Trace) -> RenderableType:
    """Every link of the deadlock: the actor, what it waits for since which line, who holds that and took it where."""
    words = Words(trace)
    grid = _grid()
    told: set[int] = set()
    for link in trace.ending.deadlock:
        grid.add_row(_bold(words.actor(link.actor)), _wait(words, link))
        if link.kind is Kind.ACQUIRE and link.object not in told:
            told.add(link.object)
            grid.add_row(Text(f"`{words.object(link.object)}`", style="cyan"), _held(words, link))
    return Padding(grid, (0, 0, 0, 2))


def pending_view(trace: Trace) -> RenderableType:
    """Every operation that never completed, for runs that stalled, timed out or were cut off."""
    words = Words(trace)
    grid = _grid()
    killed = _killed(trace)
    for pending in trace.ending.pending:
        text = Text("slept" if pending.kind is Kind.SLEEP else f"waited to {words.operation(pending.kind, pending.object)}")
        text.append(" (with a timeout)" if pending.timed and pending.kind is not Kind.SLEEP else "")
        ended_ns = killed.get(trace.processes[pending.actor], -1)
        is_ended = ended_ns >= pending.since_ns
        until_ns = ended_ns if is_ended else trace.ending.duration_ns
        text.append(f" for {duration(max(until_ns - pending.since_ns, 0))}", style="dim")
        text.append(", until it was ended by the program" if is_ended else "")
        _append_site(text, words, pending.site, "at ")
        grid.add_row(_bold(words.actor(pending.actor)), text)
    return Padding(grid, (0, 0, 0, 2))


def _killed(trace: Trace) -> dict[str, int]:
    """The processes that the program itself ended by a signal, as a pool does its workers, and when."""
    found: dict[str, int] = {}
    runners = runner_actors(trace)
    c, kinds = trace.columns, trace.columns.kind.tobytes()
    position = kinds.find(Kind.KILL)
    while position >= 0:
        if c.value[position] in _ENDING and (actor := runners.get(c.object[position])) is not None:
            found.setdefault(trace.processes[actor], c.at_ns[position])
        position = kinds.find(Kind.KILL, position + 1)
    return found


def deadlock_facts(trace: Trace) -> list[dict[str, object]]:
    """The same links for `--json`."""
    return [_facts(trace, Words(trace), link) for link in trace.ending.deadlock]


def pending_facts(trace: Trace) -> list[dict[str, object]]:
    """The operations that never completed, for `--json`. Times are ns since the start of the run."""
    return [
        {
            "actor": trace.actors[pending.actor].name,
            "kind": pending.kind.name.lower(),
            "object": trace.object_names[pending.object],
            "label": trace.object_labels[pending.object],
            "site": str(trace.sites[pending.site]),
            "since_ns": pending.since_ns,
            "timed": pending.timed,
        }
        for pending in trace.ending.pending
    ]


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(max_width=24, overflow="fold")
    grid.add_column(overflow="fold")
    return grid


def _bold(text: str) -> Text:
    return Text(text, style="bold")


def _wait(words: Words, link: DeadlockLink) -> Text:
    if link.kind is Kind.JOIN:
        text = Text(f"waits for {words.actor(link.owner)} to end")
    elif link.kind is Kind.ACQUIRE:
        text = Text(f"waits for {words.object_in_full(link.object)}")
    else:
        text = Text(f"waits to {words.operation(link.kind, link.object)}: ")
        text.append(f"{words.actor(link.owner)} does not {'receive' if link.kind is Kind.SEND else 'send'}")
    _append_site(text, words, link.site, "since ")
    return text


def _held(words: Words, link: DeadlockLink) -> Text:
    """Taken and released are told apart: three takes and one release leave a lock held, and that is the whole bug."""
    text = Text("is held by ")
    text.append(words.actor(link.owner), style="bold")
    if link.owner_ended:
        text.append(", which has ")
        text.append("ENDED", style="bold red")
    taken, released = _places(words, link.taken), _places(words, link.released)
    if len(link.taken) > 1:
        text.append(f"\ntaken {len(link.taken)} {'deep' if len(link.taken) <= MOST_PLACES else 'times'}, at {taken}")
    elif taken:
        text.append(f"\ntaken at {taken}")
    if released:
        text.append(f"\nreleased {_times(len(link.released))}, at {released}")
    elif taken and (link.owner_ended or len(link.taken) > 1):
        text.append("; never released")
    return text


def _places(words: Words, sites: tuple[int, ...]) -> str:
    """The places in order, in words; of many only the first and last."""
    places = [words.site(words.trace.sites[site]) or "an unknown line" for site in sites]
    if len(places) > MOST_PLACES:
        return f"{', '.join(places[: MOST_PLACES - 2])}, ..., {places[-1]}"
    return join(places)


def _append_site(text: Text, words: Words, site: int, word: str) -> None:
    place = words.trace.sites[site]
    if place.line:
        text.append(f"\n{word}{words.site_in_full(place)}", style="dim")
        for line in _source(words.trace, site):
            text.append(f":  {line}", style="dim")


def _source(trace: Trace, site: int) -> Iterator[str]:
    """The line of source at a site, when the trace keeps it."""
    place = trace.sites[site]
    lines = trace.sources.get(place.file, "").splitlines()
    if 0 < place.line <= len(lines) and lines[place.line - 1].strip():
        yield clean(lines[place.line - 1].strip())


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _facts(trace: Trace, words: Words, link: DeadlockLink) -> dict[str, object]:
    return {
        "actor": trace.actors[link.actor].name,
        "thread": trace.actors[link.actor].thread_name,
        "waits_to": words.operation(link.kind, link.object),
        "object": trace.object_names[link.object],
        "label": trace.object_labels[link.object],
        "site": str(trace.sites[link.site]),
        "since_ns": link.since_ns,
        "owner": trace.actors[link.owner].name,
        "owner_ended": link.owner_ended,
        "taken": [str(trace.sites[site]) for site in link.taken],
        "released": [str(trace.sites[site]) for site in link.released],
    }
