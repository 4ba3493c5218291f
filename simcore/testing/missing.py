"""What to say of a step of a forced order that was not done: who waited for it, and what its actor did instead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from simcore.engine.code_lines import definition_at
from simcore.engine.forced import DEADLOCK, ENDED, STOOD_STILL, TURNED_ROUND, Missed, Step, own_file
from simcore.testing.asking import actors_of
from simcore.trace.events import Kind, Outcome
from simcore.trace.model import Site, Trace
from simcore.trace.words import Words

_ENDS: Final = (Kind.END, Kind.EXIT)


def sentences(trace: Trace, missed: Missed) -> list[str]:
    """All there is to say, the step first. Its actor is one of the trace's. Raises: UsageError for a name of several actors."""
    number, step = missed.number + 1, missed.step
    told = [f"step {number} was begun but never done: {step}" if missed.begun else f"step {number} was never done: {step}"]
    told += [f"{later.actor} waited for that at {later.place} (step {at + 1})" for at, later in missed.waited]
    if missed.replaced:
        told.append("the program set a trace function of its own: from then on no lines were seen of the thread that did")
    else:
        together = f"{missed.why}, and " if missed.why in (DEADLOCK, STOOD_STILL) else ""
        told.append(together + _Instead(trace, missed).told())
    if trace.outcome is not Outcome.OK:
        told.append(f"the run ended {trace.outcome.word}" + (f": {trace.ending.error}" if trace.ending.error else ""))
    return told


class _Instead:
    """What the actor of the step did when the order was given up."""

    def __init__(self, trace: Trace, missed: Missed) -> None:
        self._trace, self._missed = trace, missed
        self._name = missed.step.actor
        self._actor = min(actors_of(trace, self._name) or {0})
        self._words = Words(trace)
        self._at_ns = missed.at_ns - trace.header.start_ns

    def told(self) -> str:
        name, missed, trace = self._name, self._missed, self._trace
        if missed.why == TURNED_ROUND:
            for at, later in missed.waited:
                if self._actor in (actors_of(trace, later.actor) or ()):
                    return f"{name} itself came first to {later.place} (step {at + 1})"
        defined = next(filter(None, (definition_at(file, missed.step.line) for file in files_of(trace, missed.step))), None)
        if defined is not None:
            return f"{missed.step.place} is where {defined[0]} is defined; its body begins at {missed.step.file}:{defined[1]}"
        c = trace.columns
        own_events = [position for position, actor in enumerate(c.actor) if actor == self._actor]
        before = [position for position in own_events if c.at_ns[position] <= self._at_ns]
        if not before:
            return f"{name} had not begun by then"
        if missed.why == ENDED or c.kind[before[-1]] in _ENDS:
            done = [position for position in before if c.kind[position] not in _ENDS]
            return f"{name} had ended{'' if missed.begun else ' without coming there'}{self._last(done)}"
        if len(before) < len(own_events) and (waited := self._waited(own_events[len(before)])):
            return f"{name} {waited}"
        for pending in trace.ending.pending:
            if pending.actor == self._actor and pending.since_ns <= self._at_ns:
                return f"{name} {self._waited_to(pending.kind, pending.object, pending.site)}"
        return f"{name} waited for nothing that is recorded{self._last(before)}"

    def _waited(self, after: int) -> str:
        """In which event it was that moment; this is the first that was done later. Empty when it was in none."""
        c = self._trace.columns
        if not c.waited_us[after] or c.at_ns[after] - c.waited_us[after] * 1000 > self._at_ns:
            return ""
        for span in self._trace.spans:
            if span.actor == self._actor and span.first <= after <= span.last:
                return f"waited in {span.operation}{_at(self._trace.sites[span.site])}"
        return self._waited_to(Kind(c.kind[after]), c.object[after], c.site[after])

    def _waited_to(self, kind: Kind, thing: int, site: int) -> str:
        """What it waited to do, and who had it if it was a lock."""
        c, owners = self._trace.columns, list[int]()
        for actor, done, other, value, when in zip(c.actor, c.kind, c.object, c.value, c.at_ns, strict=True):
            if other != thing or when > self._at_ns:
                continue
            if done == Kind.ACQUIRE and value == 1:
                owners.append(actor)
            elif done == Kind.RELEASE and owners:
                owners.pop()
        held = f", which {self._words.short_actor(owners[-1])} had" if kind is Kind.ACQUIRE and owners else ""
        return f"waited to {self._words.operation(kind, thing)}{_at(self._trace.sites[site])}{held}"

    def _last(self, done: list[int]) -> str:
        if not done:
            return ""
        site = self._trace.sites[self._trace.columns.site[done[-1]]]
        return f"; the last that it did: {self._words.done(done[-1])}{_at(site)}"


def _at(site: Site) -> str:
    return f" at {site}" if site.line else ""


def files_of(trace: Trace, step: Step) -> list[str]:
    """The files that a step may mean: those with events, the program's own, and what lies where it was started."""
    scenario = trace.header.scenario
    root = trace.header.root or scenario.cwd
    with_events = {os.path.join(root, site.file) for site in trace.sites if site.line}
    places = [
        *sorted(with_events),
        own_file(scenario),
        *(os.path.join(place, step.file) for place in (scenario.cwd, root)),
    ]
    paths = dict.fromkeys(os.path.normpath(place) for place in places)
    return [path for path in paths if step.is_in(path) and Path(path).is_file()]
