"""One event with names in place of indices: what `--json` prints and what is written for other programs."""

from __future__ import annotations

from simcore.trace.locate import name_of
from simcore.trace.model import Trace
from simcore.trace.words import Words


def event_facts(trace: Trace, words: Words, position: int) -> dict[str, object]:
    """One event; times are ns since the start of the run."""
    event = trace.event(position)
    actor, thing = trace.columns.actor[position], trace.columns.object[position]
    return {
        "position": position,
        "name": name_of(trace, position),
        "actor": event.actor,
        "process": trace.processes[actor],
        "thread": trace.actors[actor].thread_name,
        "step": event.step,
        "kind": event.kind.name.lower(),
        "object": event.object,
        "label": trace.object_labels[thing],
        "value": event.value,
        "what": words.event(position),
        "file": event.site.file,
        "line": event.site.line,
        "function": event.site.function,
        "at_ns": event.at_ns,
        "waited_ns": event.waited_ns,
    }
