"""The records of one actor, kept as the bytes that they are in its segment."""

import re
import sys
from array import array
from collections.abc import Collection, Iterator
from itertools import groupby
from struct import Struct
from typing import Final

RawRecord = tuple[int, int, int, int, int, int, int]
"""value, object, site, waited_us, kind, flags, stamp."""

_RAW: Final = Struct("@qIIIHHQ")
"""A record, head and stamp in one."""

SLOT: Final = _RAW.size

_KIND_AT: Final = 20 if sys.byteorder == "little" else 21
"""The byte of a record in which its kind is."""

_BLOCK: Final = 1 << 16
"""How many records are looked through at a time."""


class Records:
    """The committed records of one actor in its program order, kept as the bytes they are."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data) // SLOT

    def __iter__(self) -> Iterator[RawRecord]:
        return _RAW.iter_unpack(bytes(self._data))

    def __getitem__(self, index: int) -> RawRecord:
        return _RAW.unpack_from(self._data, index * SLOT)

    def stamps(self) -> "array[int]":
        """The stamps of all."""
        return array("Q", bytes(self._data))[3::4]

    def of_kinds(self, kinds: Collection[int], since: int = 0) -> Iterator[RawRecord]:
        """The records of some kinds, from an index on; much faster than looking at each."""
        wanted = re.compile(b"[" + re.escape(bytes(kinds)) + b"]", re.DOTALL)
        for found in wanted.finditer(bytes(self._data[since * SLOT + _KIND_AT :: SLOT])):
            yield _RAW.unpack_from(self._data, (since + found.start()) * SLOT)

    def on_objects(self, objects: Collection[int]) -> Iterator[RawRecord]:
        """The records on some objects."""
        for first in range(0, len(self), _BLOCK):
            block = bytes(memoryview(self._data)[first * SLOT : (first + _BLOCK) * SLOT])
            for index, number in enumerate(array("I", block)[2::8]):
                if number in objects:
                    yield _RAW.unpack_from(block, index * SLOT)

    def blocks(self) -> Iterator["Block"]:
        """All records, some thousands at a time."""
        for first in range(0, len(self), _BLOCK):
            yield Block(bytes(memoryview(self._data)[first * SLOT : (first + _BLOCK) * SLOT]))

    def extend(self, data: bytes) -> None:
        """Add whole records at the end."""
        self._data += data

    def insert(self, index: int, data: bytes) -> None:
        """Add whole records before the one that has this index."""
        self._data[index * SLOT : index * SLOT] = data

    def truncate(self, length: int) -> None:
        """Keep this many records."""
        del self._data[length * SLOT :]


class Block:
    """Some records of one actor, by columns: what goes over them is to do so in C."""

    __slots__ = ("_data", "kinds", "objects", "sites", "waited_us")

    def __init__(self, data: bytes) -> None:
        self._data = data
        words = array("I", data)
        self.objects, self.sites, self.waited_us, self.kinds = words[2::8], words[3::8], words[4::8], data[_KIND_AT::SLOT]

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, index: int) -> RawRecord:
        return _RAW.unpack_from(self._data, index * SLOT)

    def values(self) -> "array[int]":
        """The values of all; whoever asks may change them."""
        return array("q", self._data)[0::4]

    def stamps(self) -> "array[int]":
        """The stamps of all."""
        return array("Q", self._data)[3::4]


def all_committed(data: bytes) -> bool:
    """Whether every slot of these bytes holds a record."""
    return 0 not in array("Q", data)[3::4]


def runs(data: bytes) -> Iterator[tuple[int, int, bool]]:
    """Rows of slots that are all committed or all not: where each begins and how long it is, in bytes, and which it is."""
    at = 0
    for is_there, slots in groupby(array("Q", data)[3::4], bool):
        length = sum(1 for _ in slots) * SLOT
        yield at, length, is_there
        at += length


def committed_length(data: bytes) -> int:
    """How many bytes of an actor's chunk lie before the end of its last committed record."""
    used = min(len(data), len(data.rstrip(b"\0")) + SLOT - 1) // SLOT * SLOT  # free slots are zero throughout
    while used and not any(data[used - 8 : used]):
        used -= SLOT
    return used
