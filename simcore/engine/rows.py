"""The records of a run by columns, in one order: whatever goes over all of them is to do so in C."""

from array import array
from collections.abc import Collection, Iterable, Sequence
from itertools import compress, islice, repeat
from operator import le, lshift, lt, or_
from typing import Final

from simcore.trace.events import Kind

_FIRST: Final = frozenset({Kind.RELEASE, Kind.START, Kind.PUT, Kind.END})
"""What goes first among events of one stamp."""

_RANK: Final = bytes(1 if kind in _FIRST else 2 for kind in range(256))


class Rows:
    """Records of all actors. `actors`, `objects` and `sites` are the run's own numbers.

    `keys` give the order: a stamp times four, and what goes first at that stamp. Where two keys are the same the row stays first
    that was added first.
    """

    __slots__ = ("actors", "keys", "kinds", "objects", "sites", "values", "waited_us")

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.actors, self.objects, self.sites = array("I"), array("q"), array("I")
        self.values, self.waited_us = array("q"), array("I")
        self.kinds = bytearray()

    def __len__(self) -> int:
        return len(self.keys)

    def add(
        self,
        actor: int,
        stamps: Sequence[int],
        kinds: bytes,
        objects: "array[int]",
        sites: "array[int]",
        values: "array[int]",
        waited_us: "array[int]",
        kept: bytes,
    ) -> None:
        """Add those records of an actor that are marked in `kept`."""
        before = len(self)
        self.keys += compress(map(or_, map(lshift, stamps, repeat(2)), kinds.translate(_RANK)), kept)
        self.actors.extend(array("I", [actor]) * (len(self) - before))
        self.kinds += bytes(compress(kinds, kept))
        self.objects.extend(compress(objects, kept))
        self.sites.extend(compress(sites, kept))
        self.values.extend(compress(values, kept))
        self.waited_us.extend(compress(waited_us, kept))

    def put_in_order(self) -> None:
        """Sort by the keys."""
        if all(map(le, self.keys, islice(self.keys, 1, None))):
            return
        order = sorted(range(len(self)), key=self.keys.__getitem__)
        self.keys = list(map(self.keys.__getitem__, order))
        self.kinds = bytearray(map(self.kinds.__getitem__, order))
        for name in ("actors", "objects", "sites", "values", "waited_us"):
            column = getattr(self, name)
            setattr(self, name, array(column.typecode, map(column.__getitem__, order)))

    def stamp(self, index: int) -> int:
        """The stamp of a row, in ns of CLOCK_MONOTONIC."""
        return self.keys[index] >> 2

    def stamps(self, since: int) -> "array[int]":
        """The stamps of all in ns since a moment."""
        return array("q", [(key >> 2) - since for key in self.keys])

    def put_before(self, index: int, other: int) -> None:
        """Let a row come just before another, once they are put in order again."""
        self.keys[index] = self.keys[other] & -4

    def of_kinds(self, kinds: Collection[int]) -> list[int]:
        """The indices of the rows of some kinds."""
        return list(compress(range(len(self)), self.kinds.translate(bytes(kind in kinds for kind in range(256)))))

    def keep(self, kept: Iterable[object]) -> None:
        """Leave out what is not marked."""
        marks = list(map(bool, kept))
        self.keys = list(compress(self.keys, marks))
        self.kinds = bytearray(compress(self.kinds, marks))
        for name in ("actors", "objects", "sites", "values", "waited_us"):
            column = getattr(self, name)
            setattr(self, name, array(column.typecode, compress(column, marks)))


def increasing(stamps: "array[int]", kept: bytes, last: int) -> tuple[Sequence[int], int]:
    """The stamps of an actor behind the `last` one of what is kept, and the last one then.

    A finaliser's events lie behind the one they interrupted, which is stamped later.
    """
    if stamps[0] > last and all(map(lt, stamps, islice(stamps, 1, None))):
        return stamps, next(compress(reversed(stamps), reversed(kept)), last)
    result = []
    for stamp, is_kept in zip(stamps, kept, strict=True):
        stamp = max(stamp, last + 1)
        result.append(stamp)
        if is_kept:
            last = stamp
    return result, last
