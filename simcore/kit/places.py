"""Where in the source runs differ: the places of events, and of what was written."""

from __future__ import annotations

from collections import Counter

from simcore.trace.events import Kind
from simcore.trace.model import Site, Trace
from simcore.trace.text import shorten


def site_at(trace: Trace, position: int) -> Site:
    """The place of an event."""
    return trace.sites[trace.columns.site[position]]


def last_site_of(trace: Trace, actor: str) -> Site:
    """Where an actor did its last event that has a place."""
    sites = [event.site for event in trace.of_actor(actor) if event.site.line]
    return sites[-1] if sites else Site("", 0, "")


def _writes(trace: Trace) -> dict[tuple[str, str], list[tuple[str, Site]]]:
    """What each actor wrote to each stream, in its order, with the place."""
    found: dict[tuple[str, str], list[tuple[str, Site]]] = {}
    for event in trace:
        if event.kind is Kind.WRITE:
            found.setdefault((event.actor, event.object), []).append((str(trace.texts[event.value]), event.site))
    return found


def first_other_write(recorded: Trace, replayed: Trace) -> tuple[Site, str, str] | None:
    """The first write of an actor that the other run did not do like this: its place, its text, and what was written instead."""
    ours, theirs = _writes(recorded), _writes(replayed)
    for key in {**ours, **theirs}:
        a, b = ours.get(key, []), theirs.get(key, [])
        for number in range(max(len(a), len(b))):
            before, after = (side[number] if number < len(side) else None for side in (a, b))
            if before is None or after is None or before[0] != after[0]:
                there = before or after
                assert there is not None
                return there[1], before[0] if before else "", after[0] if after else ""
    return None


def sites_written_otherwise(a: Trace, b: Trace) -> list[Site]:
    """The places at which two recordings wrote other texts, not merely in another order."""
    texts: list[dict[Site, Counter[str]]] = [{}, {}]
    for side, trace in zip(texts, (a, b), strict=True):
        for written in _writes(trace).values():
            for text, site in written:
                side.setdefault(site, Counter())[text] += 1
    return [site for site in {**texts[0], **texts[1]} if site.line and texts[0].get(site) != texts[1].get(site)]


def quoted(text: str) -> str:
    """A written text as it stands in a sentence."""
    return repr(shorten(text.rstrip("\n"), 40)) if text else "nothing"
