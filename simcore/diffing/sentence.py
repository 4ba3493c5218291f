"""The sentence that says where two runs part, in the program's own names."""

from __future__ import annotations

from simcore.diffing.result import Moment, Split
from simcore.diffing.spans import FIRST_OPERATION, Told, span_at
from simcore.trace.events import Kind
from simcore.trace.model import Trace
from simcore.trace.phrases import Tense
from simcore.trace.text import clean
from simcore.trace.words import Words

_WITH_ITEMS = frozenset({Kind.GET, Kind.PUT, Kind.WRITE, Kind.SEND, Kind.RECV})
"""Kinds whose words name what was passed, which is another thing for another actor."""


def moment(told: Told, position: int) -> Moment:
    """The event at a position as one side of a split."""
    trace, words = told.recorded, Words(told.recorded, exact=True)
    whole = told.trace.columns.kind[position] >= FIRST_OPERATION
    position = position if told.places is None else told.places[position]
    event, span = trace.event(position), span_at(trace, position)
    obj, site, what, operation = trace.columns.object[position], event.site, "", span.operation if span is not None else ""
    if whole and span is not None:
        obj, site, operation = span.object, trace.sites[span.site], ""
        what = f"does {span.operation} on {words.called(obj)}"
    thread = trace.actors[trace.columns.actor[position]].thread_name
    return Moment(
        position,
        event.actor,
        thread,
        event.name,
        event.kind,
        trace.object_names[obj],
        trace.object_labels[obj],
        what or words.action(position),
        operation,
        site,
    )


def split(why: str, told_a: Told, position_a: int | None, told_b: Told, position_b: int | None) -> Split:
    """The split at these two events, None where there is none."""
    a = None if position_a is None else moment(told_a, position_a)
    b = None if position_b is None else moment(told_b, position_b)
    if a is not None and b is not None:
        text = _sentence(a, _first(told_a.recorded, a), b, _first(told_b.recorded, b))
    else:
        text = _one_sided(a, told_b.recorded, "A", "B") or _one_sided(b, told_a.recorded, "B", "A")
    return Split(why, a, b, clean(text))


def _one_sided(here: Moment | None, there: Trace, letter: str, other: str) -> str:
    """The sentence for an event whose actor does nothing more in the other run; nothing when the event is the other run's."""
    return f"in {letter} {_who(here)} {here.action}{_at(here)}, in {other} it {_idle(there, here)}" if here else ""


def _idle(trace: Trace, here: Moment) -> str:
    """What an actor does that does nothing more: it waits, or it was never there, or that was all.

    The writes of an actor are compared by themselves: one that writes nothing more may still do something else.
    """
    for pending in trace.ending.pending:
        if trace.actors[pending.actor].name == here.actor:
            site = trace.sites[pending.site]
            called = Words(trace, exact=True).called(pending.object)
            return f"waits for {called}{f' ({site})' if site.line else ''}"
    if all(info.name != here.actor for info in trace.actors):
        return "is not there"
    return "writes nothing more" if here.kind is Kind.WRITE else "does nothing more"


def _sentence(a: Moment, first_a: str, b: Moment, first_b: str) -> str:
    """`in A main takes `cache_lock` first (api.py:41), in B main.1 does (pool.py:88)`."""
    if a.actor != b.actor and a.kind == b.kind and a.object == b.object and first_a == first_b:
        return f"in A {_who(a)} {first_a} first{_at(a)}, in B {_who(b)} does{_at(b)}"
    who = "it" if a.actor == b.actor else _who(b)
    if b.action != a.action:
        other = b.action
    elif a.actor != b.actor:
        other = "does the same"
    else:
        other = f"{b.action}, but {'finds another value' if b.kind is Kind.READ else 'not the same way'}"
    return f"in A {_who(a)} {a.action}{_at(a)}, in B {who} {other}{_at(b)}"


def _first(trace: Trace, moment: Moment) -> str:
    """The action without what would make it this actor's own: which item, which text."""
    value = trace.columns.value[moment.position]
    if moment.kind in _WITH_ITEMS and value >= 0 and not moment.action.startswith("does "):
        thing = trace.columns.object[moment.position]
        return Words(trace, exact=True).operation(moment.kind, thing, Tense.PRESENT)
    return moment.action


def _who(moment: Moment) -> str:
    """The actor by its path, and by the name that the program gave the thread."""
    name = moment.thread_name
    return f'{moment.actor} "{name}"' if name and name != "MainThread" else moment.actor


def _at(moment: Moment) -> str:
    """Where it is done, and as part of what."""
    parts = [str(moment.site)] if moment.site.line else []
    parts += [f"in {moment.operation}"] if moment.operation else []
    return f" ({', '.join(parts)})" if parts else ""
