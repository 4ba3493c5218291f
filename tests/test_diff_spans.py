"""Traces of two Python minors are compared by what the programmer wrote, not by what the library made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from storyteller import Teller, critical, of, told

from simcore.diffing import diff
from simcore.trace.events import Verdict
from simcore.trace.model import ActorInfo, Span, Trace


def of_minor(trace: Trace, minor: int, library: Sequence[int] = ()) -> Trace:
    """The trace as recorded on Python 3.`minor`; sites with the lines of `library` lie in the standard library."""
    sites = [site._replace(file="/lib/queue.py") if site.line in library else site for site in trace.sites]
    return replace(trace, header=replace(trace.header, python=f"3.{minor}.1", files={"app.py": "0"}), sites=sites)


def put(teller: Teller, actor: str, *inner: str, line: int) -> Span:
    """Tell a Queue.put on `q` that is made of these events."""
    first = len(teller.columns)
    for one in inner:
        teller.tell(f"{actor} {one}")
    return Span("Queue.put", teller.actor(actor), teller.object("q"), teller.site(line), first, len(teller.columns) - 1)


def two_puts(actors: Sequence[str], inner: Sequence[str], minor: int) -> Trace:
    """Two actors put one item each, as this Python minor does it; then each takes its own lock, and the library one on 3.13."""
    teller = Teller()
    for name in ("main", "main/1"):
        teller.actor(name)
    spans = [put(teller, actor, *inner, line=7) for actor in actors]
    own = [line for actor in sorted(actors) for line in critical(actor, f"lock_{len(actor)}", 20)]
    for line in [*own, *(["main acquire hidden :99"] if minor == 13 else [])]:
        teller.tell(line)
    trace = replace(told(), actors=[ActorInfo(name, "") for name in teller.actors], objects=teller.objects, texts=teller.texts)
    return of_minor(replace(trace, sites=teller.sites, columns=teller.columns, spans=spans), minor, [99])


def test_traces_of_two_minors_are_compared_by_spans() -> None:
    """One operation is made of other events on another Python: the same program in the same order is the same."""
    old = two_puts(["main", "main/1"], ["acquire mutex :90", "release mutex :91"], 11)
    new = two_puts(["main", "main/1"], ["acquire mutex :80", "acquire extra :81", "release extra :82", "release mutex :83"], 13)
    d = diff(old, new)
    assert (d.verdict, d.compared) == (Verdict.SAME, "spans")
    assert [one.events_a for one in d.actors] == [3, 3]
    assert diff(old, of_minor(new, 11, [99])).verdict is Verdict.DIFFERENT
    assert diff(old, old).compared == "events"


def test_a_split_between_spans_names_the_operation() -> None:
    """Positions are those of the recorded traces, and the sentence tells the programmer's operation."""
    old = two_puts(["main", "main/1"], ["acquire mutex :90", "release mutex :91"], 11)
    new = two_puts(["main/1", "main"], ["acquire mutex :80", "acquire extra :81", "release extra :82", "release mutex :83"], 13)
    d = diff(old, new)
    assert d.verdict is Verdict.DIFFERENT
    assert d.split is not None
    assert d.split.sentence == "in A main does Queue.put on `q` first (app.py:7), in B main/1 does (app.py:7)"
    assert d.split.a is not None
    assert d.split.b is not None
    assert (d.split.a.position, d.split.b.position) == (1, 3)
    assert (of(d, "q").reversed, of(d, "q").first_a, of(d, "q").first_b) == (1, 1, 3)


def test_an_event_within_a_span_says_so() -> None:
    """Between traces of one minor the split is an event; the operation that it is part of stands beside it."""
    a = two_puts(["main", "main/1"], ["acquire mutex :90", "release mutex :91"], 12)
    b = two_puts(["main/1", "main"], ["acquire mutex :90", "release mutex :91"], 12)
    split = diff(a, b).split
    assert split is not None
    assert split.sentence == "in A main takes `mutex` first (app.py:90, in Queue.put), in B main/1 does (app.py:90, in Queue.put)"
