"""The sentence that says where two runs part, in the program's own names."""

from __future__ import annotations

from simcore.diffing.result import Moment, Split
from simcore.diffing.spans import FIRST_OPERATION, Told, span_at, thread_actors
from simcore.diffing.tables import as_text
from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Trace

LONGEST = 40

_VERBS = {
    Kind.RELEASE: "gives back {}",
    Kind.UNDO: "fails to give back {}",
    Kind.BEGIN: "begins",
    Kind.PUT: "puts into {}",
    Kind.CLOCK: "reads {}",
    Kind.SEED: "seeds a random generator",
    Kind.ENTROPY: "draws random bytes",
    Kind.DRAW: "draws a random number",
    Kind.GC: "collects garbage",
    Kind.PAUSE: "returns from signal.pause",
}


def moment(told: Told, position: int) -> Moment:
    """The event at a position as one side of a split."""
    trace = told.recorded
    whole = told.trace.columns.kind[position] >= FIRST_OPERATION
    position = position if told.places is None else told.places[position]
    event, span = trace.event(position), span_at(trace, position)
    obj, site, what, operation = trace.columns.object[position], event.site, "", span.operation if span is not None else ""
    if whole and span is not None:
        obj, site, operation = span.object, trace.sites[span.site], ""
        what = f"does {span.operation} on {called(trace, obj)}"
    thread = trace.actors[trace.columns.actor[position]].thread_name
    return Moment(
        position,
        event.actor,
        thread,
        event.name,
        event.kind,
        trace.object_names[obj],
        trace.object_labels[obj],
        what or action(trace, position),
        operation,
        site,
    )


def action(trace: Trace, position: int) -> str:
    """What the event does, in the present tense: "takes `cache_lock`"."""
    c = trace.columns
    kind, value, thing = Kind(c.kind[position]), c.value[position], called(trace, c.object[position])
    match kind:
        case Kind.RELEASE if trace.objects[c.object[position]].kind is ObjectKind.WAITER:
            return f"wakes {trace.actors[trace.objects[c.object[position]].creator].name}"
        case Kind.ACQUIRE:
            return {0: f"tries {thing}, which is not free", -1: f"gives up waiting for {thing}"}.get(value, f"takes {thing}")
        case Kind.START:
            known = 0 <= value < len(trace.actors)
            return f"starts {trace.actors[value].name}" if known else f"starts {thing}"
        case Kind.END:
            return "ends by an exception" if value else "ends"
        case Kind.JOIN:
            return f"joins {thing}" if value else f"gives up joining {thing}"
        case Kind.GET:
            ways = {-1: f"finds {thing} empty", -2: f"gives up waiting for {thing}"}
            return ways[value] if value in ways else f"gets {_item(trace, value)} from {thing}"
        case Kind.SLEEP:
            return f"sleeps {value / 1e9:g} s"
        case Kind.WRITE:
            return f"writes {_text(trace, value)} to {thing}"
        case Kind.SIGNAL:
            return f"handles signal {value}"
        case Kind.EXIT:
            return f"exits with {value}"
        case Kind.LOCKED | Kind.IS_SET | Kind.IS_ALIVE | Kind.EMPTY | Kind.BROKEN:
            return f"finds {thing} {'' if value else 'not '}{kind.name.lower().removeprefix('is_')}"
        case Kind.QSIZE:
            return f"finds {value} items in {thing}"
        case Kind.COUNT:
            return f"counts {value} living threads"
        case Kind.ENUMERATE:
            return f"lists the living threads: {_text(trace, value)}"
        case Kind.N_WAITING:
            return f"finds {value} waiting at {thing}"
        case Kind.IMPORT | Kind.IMPORTED:
            return f"{'imports' if kind is Kind.IMPORT else 'has imported'} {_text(trace, value).strip(chr(39))}"
    return _VERBS.get(kind, f"{kind.name.lower()} {{}}").format(thing)


def called(trace: Trace, obj: int) -> str:
    """An object in backquotes as the program calls it; a thread, stream or clock without them."""
    info = trace.objects[obj]
    label = trace.object_labels[obj]
    if info.kind is ObjectKind.THREAD:
        actor = thread_actors(trace).get(obj)
        return label if actor is None else trace.actors[actor].name
    if info.kind in (ObjectKind.STREAM, ObjectKind.CLOCK, ObjectKind.PROCESS, ObjectKind.NONE):
        return label
    return f"`{label}`"


def _item(trace: Trace, tag: int) -> str:
    actor = tag >> 32
    who = trace.actors[actor].name if 0 <= actor < len(trace.actors) else f"actor {actor}"
    return f"item {tag & 0xFFFFFFFF} of {who}"


def _text(trace: Trace, index: int) -> str:
    if not 0 <= index < len(trace.texts):
        return "a text that the trace does not have"
    text = as_text(trace.texts[index])
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")


def split(why: str, told_a: Told, position_a: int | None, told_b: Told, position_b: int | None) -> Split:
    """The split at these two events, None where there is none."""
    a = None if position_a is None else moment(told_a, position_a)
    b = None if position_b is None else moment(told_b, position_b)
    if a is not None and b is not None:
        text = _sentence(a, b)
    else:
        text = _one_sided(a, told_b.recorded, "A", "B") or _one_sided(b, told_a.recorded, "B", "A")
    return Split(why, a, b, _printable(text))


def _one_sided(here: Moment | None, there: Trace, letter: str, other: str) -> str:
    """The sentence for an event whose actor does nothing more in the other run; nothing when the event is the other run's."""
    return f"in {letter} {_who(here)} {here.action}{_at(here)}, in {other} it {_idle(there, here.actor)}" if here else ""


def _idle(trace: Trace, actor: str) -> str:
    """What an actor does that does nothing more: it waits, or it was never there, or that was all."""
    for pending in trace.ending.pending:
        if trace.actors[pending.actor].name == actor:
            site = trace.sites[pending.site]
            return f"waits for {called(trace, pending.object)}{f' ({site})' if site.line else ''}"
    return "does nothing more" if any(info.name == actor for info in trace.actors) else "is not there"


def _printable(text: str) -> str:
    """The text with everything else escaped: names come from a trace, and a trace may be hostile."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _sentence(a: Moment, b: Moment) -> str:
    """`in A main takes `cache_lock` first (api.py:41), in B main.1 does (pool.py:88)`."""
    if a.actor != b.actor and a.kind == b.kind and a.object == b.object and _first(a) == _first(b):
        return f"in A {_who(a)} {_first(a)}{_at(a)}, in B {_who(b)} does{_at(b)}"
    who = "it" if a.actor == b.actor else _who(b)
    other = b.action if b.action != a.action else "does the same" if a.actor != b.actor else f"{b.action}, but not the same way"
    return f"in A {_who(a)} {a.action}{_at(a)}, in B {who} {other}{_at(b)}"


def _first(moment: Moment) -> str:
    """The action without what would make it this actor's own: which item, which text."""
    if moment.kind is Kind.GET and moment.action.startswith("gets"):
        return f"gets from `{moment.label}` first"
    if moment.kind is Kind.WRITE:
        return f"writes to {moment.label} first"
    return f"{moment.action} first"


def _who(moment: Moment) -> str:
    """The actor by its path, and by the name that the program gave the thread."""
    name = moment.thread_name
    return f'{moment.actor} "{name}"' if name and name != "MainThread" else moment.actor


def _at(moment: Moment) -> str:
    """Where it is done, and as part of what."""
    parts = [str(moment.site)] if moment.site.line else []
    parts += [f"in {moment.operation}"] if moment.operation else []
    return f" ({', '.join(parts)})" if parts else ""
