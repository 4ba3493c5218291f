"""Helpers for tests of concurrent programs and patterns, for any test runner: docs/testing.md shows them all.

`record(target, order=[(actor, "FILE:LINE"), ...])` forces the order in which actors come to lines of the source.

Assertions raise AssertionError with a sentence about the run; the trace that it speaks of is kept, and named in it.
"""

from simcore.testing.asking import EventName, events, hand_offs, spans, takers
from simcore.testing.asserting import assert_ends, assert_handed_over, assert_ordered, assert_replays, assert_spans, assert_taken
from simcore.testing.forcing import OrderStep
from simcore.testing.running import record, record_in_order, record_until, replay

__all__ = [
    "EventName",
    "OrderStep",
    "assert_ends",
    "assert_handed_over",
    "assert_ordered",
    "assert_replays",
    "assert_spans",
    "assert_taken",
    "events",
    "hand_offs",
    "record",
    "record_in_order",
    "record_until",
    "replay",
    "spans",
    "takers",
]
