"""What an exporter is given: a part of a trace, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from simcore.analysis.flows import Flow, flows
from simcore.analysis.stretches import Stretches
from simcore.errors import UsageError
from simcore.trace.model import Span, Trace
from simcore.trace.words import Words


class Part:
    """The events `first` to `last` of a trace, both included; by default all of them.

    What is computed of the whole trace (`stretches`, `flows`) is computed when it is first asked for. Raises: UsageError for
    positions that the trace does not have.
    """

    def __init__(self, trace: Trace, first: int = 0, last: int | None = None) -> None:
        self.trace = trace
        self.first = first
        self.last = len(trace) - 1 if last is None else last
        if not 0 <= self.first <= self.last + 1 <= len(trace):
            raise UsageError(
                f"@{first}..@{self.last} is no part of a trace of {len(trace):,} events",
                f"its events are @0 to @{len(trace) - 1}" if len(trace) else "the trace has no event",
            )

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def whole(self) -> bool:
        """Whether it is all of the trace."""
        return len(self) == len(self.trace)

    @property
    def positions(self) -> range:
        """The positions of its events."""
        return range(self.first, self.last + 1)

    @cached_property
    def words(self) -> Words:
        """Puts its events into words, as every screen of simcore does."""
        return Words(self.trace)

    @cached_property
    def stretches(self) -> Stretches:
        """Who ran, slept, waited and held what when, of the whole trace."""
        return Stretches(self.trace)

    @property
    def first_ns(self) -> int:
        """When it begins, in ns since the start of the run."""
        return self.trace.columns.at_ns[self.first] if self.first > 0 and len(self) else 0

    @property
    def last_ns(self) -> int:
        """When it ends; to the last event of a trace belongs how the run went on to its end."""
        if not len(self) or self.last == len(self.trace) - 1:
            return max(self.stretches.end_ns, *self.stretches.ends, 0)
        return self.trace.columns.at_ns[self.last]

    @cached_property
    def flows(self) -> list[Flow]:
        """Hand-offs, wake-ups, messages, starts and joins between two events of it."""
        found = flows(self.trace)
        return found if self.whole else [flow for flow in found if self.first <= flow.source and flow.target <= self.last]

    @cached_property
    def actors(self) -> list[int]:
        """The actors that have an event in it, or wait until the end, by index."""
        seen = set(self.trace.columns.actor[self.first : self.last + 1])
        if self.last == len(self.trace) - 1:
            seen.update(pending.actor for pending in self.trace.ending.pending)
        return sorted(seen)

    def spans(self) -> Iterator[Span]:
        """The programmer's operations that lie in it, wholly or in part, cut to it; the outer one before the inner one."""
        held = (span for span in self.trace.spans if span.first <= span.last)
        for span in sorted(held, key=lambda span: (span.first, -span.last)):
            if span.first <= self.last and span.last >= self.first:
                yield span._replace(first=max(span.first, self.first), last=min(span.last, self.last))
