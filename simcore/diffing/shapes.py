"""One number per thing that an event can be: kind, object and the part of its value that counts.

Equal numbers mean equal events, in A and in B. All questions about kinds and values are answered once per number, so that the
passes over a million events only look numbers up.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from itertools import compress
from operator import mul
from typing import Final

from simcore.diffing.meaning import INPUTS, LANE, RESULTS, VALUE, Lane, Value, carries_order
from simcore.trace.events import Kind
from simcore.trace.model import Columns

ANY_WAITER: Final = -1
"""The object of a release that ends a Condition.wait: whose wait it was is a result."""


class Shapes:
    """The numbers given so far. The lists are indexed by them.

    `group` is the number of that in whose order the event stands, or -1; `loose` is equal for the same operation with another
    result; `result` says whether there is more to compare than the shape; `lane` is a Lane. `groups` has per group the object
    and, where it is finer than the object, a text, else -1; `lane_of_group` the lane that its events stand in. `waiters` are the
    objects that are locks of a single Condition.wait, `children` those that stand for processes; events on those that are
    `left_out` are not compared.
    """

    def __init__(self, waiters: Collection[int] = (), children: Collection[int] = (), left_out: Collection[int] = ()) -> None:
        self.waiters, self.children, self.left_out = waiters, children, left_out
        self._known: dict[tuple[int, int, int], int] = {}
        self._groups: dict[tuple[int, int], int] = {}
        self.group: list[int] = []
        self.loose: list[int] = []
        self.result: list[bool] = []
        self.lane: list[int] = []
        self.kind: list[int] = []
        self.groups: list[tuple[int, int]] = []
        self.lane_of_group: list[int] = []

    def of(self, columns: Columns, objects: Sequence[int], actors: Sequence[int], texts: Sequence[int]) -> array[int]:
        """Per event its number. `objects`, `actors` and `texts` give for an index of this trace the common number."""
        # Two lookups in one pass of C: a value that does not count is multiplied by 0, then (kind, object, value) is looked up.
        values = map(mul, columns.value, map(_COUNTS.__getitem__, columns.kind))
        raw = _Raw(self, objects, actors, texts)
        return array("I", map(raw.__getitem__, zip(columns.kind, columns.object, values, strict=True)))

    def number(self, key: tuple[int, int, int]) -> int:
        """The number of a kind, an object and a value, all three in the common numbering."""
        shape = self._known.get(key)
        return self._new(key) if shape is None else shape

    def _new(self, key: tuple[int, int, int]) -> int:
        kind, obj, value = key
        shape = self._known[key] = len(self._known)
        group = -1
        is_out = obj in self.left_out
        if (
            not is_out
            and carries_order(kind, value, child=obj in self.children)
            and obj != ANY_WAITER
            and obj not in self.waiters
        ):
            place = (obj, -1)
            group = self._groups.setdefault(place, len(self._groups))
            if group == len(self.groups):
                self.groups.append(place)
                self.lane_of_group.append(LANE[kind])
        self.group.append(group)
        self.loose.append(obj << 8 | kind)
        self.result.append(not is_out and (kind in RESULTS or obj == ANY_WAITER))
        self.lane.append(Lane.NONE if is_out else LANE[kind])
        self.kind.append(kind)
        return shape

    def results(self, shapes: array[int]) -> list[int]:
        """Positions of events whose value is a result."""
        return _positions(shapes, self.result)

    def inputs(self, shapes: array[int]) -> list[int]:
        """Positions of events whose value is an input."""
        return _positions(shapes, [kind in INPUTS for kind in self.kind])


def _positions(shapes: array[int], wanted: Sequence[bool]) -> list[int]:
    return list(compress(range(len(shapes)), map(wanted.__getitem__, shapes))) if any(wanted) else []


_COUNTS = [0 if how == Value.IGNORED else 1 for how in VALUE]


class _Raw(dict[tuple[int, int, int], int]):
    """From kind, object and value as one trace has them to the number of the shape; filled as they come."""

    def __init__(self, shapes: Shapes, objects: Sequence[int], actors: Sequence[int], texts: Sequence[int]) -> None:
        super().__init__()
        self.shapes, self.objects = shapes, objects
        self.names = {Value.ACTOR: actors, Value.TEXT: texts}

    def __missing__(self, key: tuple[int, int, int]) -> int:
        kind, obj, value = key
        obj, how = self.objects[obj], VALUE[kind]
        if how == Value.SIGN:
            # Tags are all different: remembering them would only cost memory.
            return self.shapes.number((kind, obj, min(value, 0)))
        if how == Value.LOWEST:
            value &= 0xFF
        if kind == Kind.RELEASE and obj in self.shapes.waiters:
            obj = ANY_WAITER
        if how in (Value.ACTOR, Value.TEXT):
            names = self.names[Value(how)]
            value = names[value] if 0 <= value < len(names) else -1
        shape = self[key] = self.shapes.number((kind, obj, value))
        return shape
