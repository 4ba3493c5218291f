"""Orders that a recording was forced into: what to say when one could not be had, and which lines take a lock."""

from __future__ import annotations

import ast
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from simcore.engine.forced import ENDED, STOOD_STILL, TURNED_ROUND, ForcedOrder, Missed, Step, require_code
from simcore.errors import UsageError
from simcore.testing.asking import events, name_of_actor, takers, unknown
from simcore.testing.keeping import kept
from simcore.trace.events import Kind, Outcome
from simcore.trace.model import Event, Site, Trace
from simcore.trace.text import join
from simcore.trace.words import Words

OrderStep = tuple[str, str] | tuple[str, str, int]
"""A step of an order: an actor and a line, `("desk-2", "prices.py:30")`, or the n-th time that it comes there."""


def assert_had(trace: Trace, order: ForcedOrder) -> None:
    """The recording had the order. Raises: AssertionError; UsageError where a step names what the run does not have."""
    for name in dict.fromkeys(step.actor for step in order.steps):
        _require_actor(trace, name)
    missed = order.missed
    if missed is None:
        return
    _require_place(trace, missed.step)
    number, step = missed.number + 1, missed.step
    told = [f"step {number} was begun but never done: {step}" if missed.begun else f"step {number} was never done: {step}"]
    told += [f"{later.actor} waited for that at {later.place} (step {at + 1})" for at, later in missed.waited]
    told.append(_why(trace, missed))
    if missed.replaced:
        told.append("the program set a trace function of its own, from then on no lines of that thread were seen")
    if trace.outcome is not Outcome.OK:
        error = f": {trace.ending.error}" if trace.ending.error else ""
        told.append(f"the run ended {trace.outcome.word}{error}")
    fail(trace, "the order could not be had: " + "\n".join(told))


def fail(trace: Trace, sentence: str) -> NoReturn:
    """Fail with what there is to say of a trace, which is kept."""
    path = kept(trace)
    raise AssertionError(f"{sentence}\nthe trace is kept: simcore show {path}")


def _why(trace: Trace, missed: Missed) -> str:
    """What the actor of the step did, or waited for, when the order was given up."""
    name = missed.step.actor
    [actor] = _indices(trace, name)
    at_ns = missed.at_ns - trace.header.start_ns
    c = trace.columns
    own = [position for position, other in enumerate(c.actor) if other == actor]
    before = [position for position in own if c.at_ns[position] <= at_ns]
    if missed.why == TURNED_ROUND:
        return f"{name} itself waited at one of these lines: it comes there first"
    if not before:
        return f"{name} had not begun by then"
    words = Words(trace)
    last = f"the last that it did: {words.done(before[-1])}{_at(trace.sites[c.site[before[-1]]])}"
    if missed.why == ENDED or c.kind[before[-1]] in (Kind.END, Kind.EXIT):
        done = [position for position in before if c.kind[position] not in (Kind.END, Kind.EXIT)]
        where = f"; the last that it did: {words.done(done[-1])}{_at(trace.sites[c.site[done[-1]]])}" if done else ""
        return f"{name} had ended without coming there{where}"
    together = "everybody waited, and " if missed.why == STOOD_STILL else ""
    after = next((position for position in own[len(before) :]), None)
    if after is not None and c.at_ns[after] - c.waited_us[after] * 1000 <= at_ns and c.waited_us[after]:
        wanted = words.operation(Kind(c.kind[after]), c.object[after])
        return f"{together}{name} waited to {wanted}{_at(trace.sites[c.site[after]])}"
    for pending in trace.ending.pending:
        if pending.actor == actor and pending.since_ns <= at_ns:
            return f"{together}{name} waited to {words.operation(pending.kind, pending.object)}{_at(trace.sites[pending.site])}"
    return f"{name} did not wait for anything that is recorded; {last}"


def _at(site: Site) -> str:
    return f" at {site}" if site.line else ""


def _indices(trace: Trace, name: str) -> list[int]:
    paths = [index for index, info in enumerate(trace.actors) if info.name == name]
    return paths or [index for index, info in enumerate(trace.actors) if info.thread_name == name]


def _require_actor(trace: Trace, name: str) -> None:
    found = _indices(trace, name)
    if len(found) > 1:
        paths = [trace.actors[index].name for index in found]
        raise UsageError(f"{len(paths)} actors are called {name}: {', '.join(paths[:6])}", f"name one of them: {paths[0]!r}")
    if not found:
        error = unknown("actor", name, (other for info in trace.actors for other in (info.thread_name, info.name)))
        ended = f"; the run ended {trace.outcome.word}" if trace.outcome is not Outcome.OK else ""
        raise UsageError(error.message + ended, error.hint)


def _require_place(trace: Trace, step: Step) -> None:
    """Raises: UsageError where the step's file or line is not there."""
    root = trace.header.root or trace.header.scenario.cwd
    known = sorted({os.path.normpath(os.path.join(root, site.file)) for site in trace.sites if site.line})
    scenario = trace.header.scenario
    own = scenario.plugin_file or (scenario.name if scenario.target == "file" else "")
    places = [*known, *(os.path.join(folder, step.file) for folder in (scenario.cwd, root)), os.path.join(scenario.cwd, own)]
    files = [place for place in dict.fromkeys(places) if _is_in(place, step.file) and Path(place).is_file()]
    if not files:
        names = [os.path.relpath(file, root) if file.startswith(root) else file for file in known]
        raise unknown("file", step.file, names)
    require_code(step, files)


def _is_in(path: str, file: str) -> bool:
    return path == file or path.endswith(f"/{file}")


# Locks --------------------------------------------------------------------------------------------------------------------------


def where_taken(trace: Trace, lock: str, actors: Sequence[str]) -> list[OrderStep]:
    """For each actor the line at which it first takes this lock, and which time it comes there. Raises: AssertionError."""
    return [_where_taken(trace, lock, actor) for actor in actors]


def _where_taken(trace: Trace, lock: str, actor: str) -> OrderStep:
    [thing] = {event.object for event in events(trace, actor, "acquire", lock)} or {""}
    tries = events(trace, actor, "acquire")
    taken = next((event for event in tries if event.object == thing and event.value == 1), None)
    if taken is None:
        fail(trace, f"{actor} never took {lock}; it was taken by {join(list(dict.fromkeys(takers(trace, lock)))) or 'nobody'}")
    if not taken.site.line:
        fail(trace, f"{actor} took {lock} at no line of a file, so its turn cannot be forced")
    here = [event for event in tries if event.site == taken.site and event.position <= taken.position]
    index = next(index for index, info in enumerate(trace.actors) if info.name == taken.actor)
    return (trace.actors[index].name, f"{taken.site.file}:{taken.site.line}", _times(trace, here))


def _times(trace: Trace, here: list[Event]) -> int:
    """How often an actor came to a line, by the locks that it took there: a `with` statement may take several at a time."""
    at_once = _locks_at_once(trace, here[0].site)
    times, of_this_time = 0, set[str]()
    for event in here:
        if not of_this_time or event.object in of_this_time or len(of_this_time) >= at_once:
            times += 1
            of_this_time = set()
        of_this_time.add(event.object)
    return times


def _locks_at_once(trace: Trace, site: Site) -> int:
    """How many locks the statement at a place may take."""
    try:
        tree = ast.parse(trace.sources.get(site.file, ""))
    except (SyntaxError, ValueError):
        return 1
    withs = (node for node in ast.walk(tree) if isinstance(node, ast.With | ast.AsyncWith))
    return next(
        (len(node.items) for node in withs if node.lineno <= site.line < node.body[0].lineno or node.lineno == site.line), 1
    )


def named(trace: Trace, path: str) -> str:
    """What a test would call an actor."""
    return name_of_actor(trace, _indices(trace, path)[0])
