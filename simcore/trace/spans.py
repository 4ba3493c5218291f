"""The programmer's operations around events: which spans lie in no other one."""

from __future__ import annotations

from collections.abc import Iterable

from simcore.trace.model import Span, Trace


def outermost(trace: Trace) -> dict[int, list[Span]]:
    """Per actor its spans that lie in no other one, in order; those without events left out."""
    found: dict[int, list[Span]] = {}
    for span in sorted(_held(trace.spans, len(trace)), key=lambda span: (span.first, -span.last)):
        of_actor = found.setdefault(span.actor, [])
        if not of_actor or span.first > of_actor[-1].last:
            of_actor.append(span)
    return found


def _held(spans: Iterable[Span], events: int) -> Iterable[Span]:
    return (span for span in spans if 0 <= span.first <= span.last < events)
