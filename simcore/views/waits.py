"""Waits in words: who waited how long for what, and who had it meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from simcore.analysis.states import Wait
from simcore.analysis.stretches import Stretches
from simcore.trace.events import Kind
from simcore.trace.locate import name_of
from simcore.trace.text import count, duration
from simcore.trace.words import RUNNERS, Words

_UNNAMED: Final = {
    Kind.READY: "any of several connections",
    Kind.WAIT: "a child process to end",
    Kind.SIGNAL: "a signal",
    Kind.PAUSE: "a signal",
}


def longest(stretches: Stretches, waits: Iterable[Wait], most: int) -> list[Wait]:
    """The waits worth telling: those that nothing ended first, then those for locks, then others, each the longest first. Waits
    for the end of a thread or process are told only where they never ended."""
    objects = stretches.trace.objects

    def rank(wait: Wait) -> tuple[bool, bool, int, int]:
        return (wait.position >= 0, wait.object not in stretches.holds, -wait.took_ns, wait.position)

    worth = (wait for wait in waits if wait.position < 0 or objects[wait.object].kind not in RUNNERS)
    return nsmallest(most, worth, key=rank)


def waits_view(stretches: Stretches, words: Words, waits: Iterable[Wait]) -> RenderableType:
    """Each wait in two lines: who waited for what where, and who had it then."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for wait in waits:
        text = Text()
        text.append(words.brief_actor(wait.actor), style="bold")
        text.append(f" {_verb(wait)} {_what(words, wait)}")
        place = words.site(stretches.trace.sites[wait.site])
        at = f"@{wait.position}" if wait.position >= 0 else ""
        if where := "  ".join(part for part in (at, place) if part):
            text.append(f"  {where}", style="dim")
        if behind := _behind(stretches, words, wait):
            text.append(f"\n{behind}")
        grid.add_row(duration(wait.took_ns), text)
    return grid


def wait_words(stretches: Stretches, words: Words, wait: Wait) -> list[str]:
    """A wait in one line, and a second one where it is known who had what it was for: what the view says, without the actor."""
    place = words.site(stretches.trace.sites[wait.site])
    line = f"{_verb(wait)} {_what(words, wait)} {'for' if wait.got else 'after'} {duration(wait.took_ns)}"
    if wait.position < 0:
        line = f"{_verb(wait)} {_what(words, wait)}, since {duration(wait.took_ns)}"
    return [f"{line}  {place}".rstrip(), *filter(None, [_behind(stretches, words, wait)])]


def wait_facts(stretches: Stretches, wait: Wait) -> dict[str, object]:
    """A wait for `--json`; `holders` is who had the lock meanwhile, the one that had it longest first. Times are ns."""
    trace = stretches.trace
    return {
        "actor": trace.actors[wait.actor].name,
        "kind": wait.kind.name.lower(),
        "object": trace.object_names[wait.object],
        "label": trace.object_labels[wait.object],
        "site": str(trace.sites[wait.site]),
        "since_ns": wait.since_ns,
        "waited_ns": wait.took_ns,
        "position": wait.position if wait.position >= 0 else None,
        "name": name_of(trace, wait.position) if wait.position >= 0 else None,
        "got": wait.got,
        "by": trace.actors[wait.by].name if wait.by >= 0 else None,
        "holders": [
            {
                "actor": trace.actors[share.actor].name,
                "held_ns": share.held_ns,
                "times": share.times,
                "taken_at": share.position,
            }
            for share in stretches.holders(wait)
        ],
    }


def _verb(wait: Wait) -> str:
    if wait.position < 0:
        return "still waits for"
    return "waited for" if wait.got else "gave up on"


def _what(words: Words, wait: Wait) -> str:
    if words.trace.objects[wait.object].kind in RUNNERS:
        return f"{words.runner(wait.object)} to end"
    return _UNNAMED.get(wait.kind) or words.object(wait.object) or "something"


def _behind(stretches: Stretches, words: Words, wait: Wait) -> str:
    shares = stretches.holders(wait)
    if shares:
        first = shares[0]
        trace = stretches.trace
        where = words.site(trace.sites[trace.columns.site[first.position]])
        held = f"{words.brief_actor(first.actor)} had it"
        if len(shares) > 1 or first.times > 1:
            held += f" {duration(first.held_ns)}"
        held += f" in {first.times:,} turns, from" if first.times > 1 else ", taken at"
        text = f"{held} @{first.position}{f' {where}' if where else ''}"
        if wait.position < 0 and stretches.ends[first.actor] < wait.until_ns:
            text += "; it has ENDED"
        if len(shares) > 1:
            text += f"; {count(len(shares) - 1, 'other')} too"
        return text
    if wait.by < 0 or wait.kind is Kind.JOIN:
        return ""
    return f"{words.brief_actor(wait.by)} {'put in what it got' if wait.kind is Kind.GET else 'woke it'}"
