"""Reads what older versions of the trace file wrote: one small function per version, applied frame by frame.

A function gets the kind of a frame and its unpacked payload as version N wrote it, and returns that payload as version N + 1
writes it; it may consume what it got. A file of version 3 is read through `UPGRADES[3]`, then `UPGRADES[4]` and so on.
"""

from array import array
from collections.abc import Callable
from typing import Any, Final

from simcore.trace.codec import Damage, FrameKind, encode_column
from simcore.trace.events import FORMAT_VERSION

Raw = Any
"""The unpacked payload of one frame: a map or an array. It does not leave this package."""

Upgrade = Callable[[FrameKind, Raw], Raw]


def _with_processes(kind: FrameKind, raw: Raw) -> Raw:
    """Version 1 knew one process, so no object was the copy of another."""
    if kind is not FrameKind.OBJECTS:
        return raw
    strings, *columns = raw
    if not isinstance(strings, list):
        raise TypeError(f"strings that are a {type(strings).__name__}")
    none = strings.index("") if "" in strings else len(strings)
    names = strings if none < len(strings) else [*strings, ""]
    # A column of zeros has no bytes, so the rows are counted by the column of kinds, of which one at most is zero.
    return [names, *columns, encode_column(array("I", [none]) * len(columns[1]))]


UPGRADES: Final[dict[int, Upgrade]] = {1: _with_processes}
"""By the version that wrote the file. Version 1 is the first: there is nothing older to read."""

OLDEST: Final = 1
"""The oldest version that can be read."""


def readable(version: int) -> bool:
    """Whether a file of this version can be read: it is of the present version, or a function stands for every step up to it."""
    return version <= FORMAT_VERSION and all(step in UPGRADES for step in range(version, FORMAT_VERSION))


def upgrade(version: int, kind: FrameKind, raw: Raw) -> Raw:
    """The payload as the present version writes it. Raises: Damage when it is not what that version wrote."""
    for step in range(version, FORMAT_VERSION):
        try:
            raw = UPGRADES[step](kind, raw)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Damage(f"a frame of {kind.word} that is not of format version {step} ({error!r})") from None
    return raw
