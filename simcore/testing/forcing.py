"""Orders that a recording was forced into: whether one was had, and which lines take a lock."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NoReturn

from simcore.engine.code_lines import tree_of
from simcore.engine.forced import ForcedOrder, require_code
from simcore.errors import UsageError
from simcore.testing.asking import actors_of, events, takers, unknown
from simcore.testing.keeping import kept
from simcore.testing.missing import files_of, sentences
from simcore.trace.events import Outcome
from simcore.trace.model import Event, Site, Trace
from simcore.trace.text import join

OrderStep = tuple[str, str] | tuple[str, str, int]
"""A step of an order: an actor and a line, `("desk-2", "prices.py:30")`, and which time it comes there."""


def assert_had(trace: Trace, order: ForcedOrder) -> None:
    """The recording had the order. Raises: AssertionError; UsageError where a step names what the run does not have."""
    for name in dict.fromkeys(step.actor for step in order.steps):
        found = _actors(trace, name)
        if len(found) > 1:
            paths = [trace.actors[index].name for index in found]
            raise UsageError(f"{len(paths)} actors are called {name}: {', '.join(paths[:6])}", f"name one of them: {paths[0]!r}")
    if order.missed is None:
        return
    files = files_of(trace, order.missed.step)
    if not files:
        raise unknown("file", order.missed.step.file, sorted({site.file for site in trace.sites if site.line}))
    require_code(order.missed.step, files)
    fail(trace, "the order could not be had: " + "\n".join(sentences(trace, order.missed)))


def _actors(trace: Trace, name: str) -> list[int]:
    try:
        return sorted(actors_of(trace, name) or ())
    except UsageError as error:
        if trace.outcome is Outcome.OK:
            raise
        why = f": {trace.ending.error}" if trace.ending.error else ""
        raise UsageError(f"{error}, which ended {trace.outcome.word}{why}", error.hint) from None


def fail(trace: Trace, sentence: str) -> NoReturn:
    """Fail with what there is to say of a trace, which is kept."""
    path = kept(trace)
    raise AssertionError(f"{sentence}\nthe trace is kept: simcore show {path}")


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
    return (actor, f"{taken.site.file}:{taken.site.line}", _times(trace, here))


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
    """How many locks the statement at a place may take: as many as a `with` has items."""
    for node in ast.walk(tree_of(trace.sources.get(site.file, ""))):
        if isinstance(node, ast.With | ast.AsyncWith):
            last = node.items[-1].context_expr
            if node.lineno <= site.line <= (last.end_lineno or last.lineno):
                return len(node.items)
    return 1
