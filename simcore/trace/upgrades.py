"""Reads what older versions of the trace file wrote: one small function per version, applied frame by frame.

A function gets the kind of a frame, how many items that has, and its unpacked payload as version N wrote it, and returns that
payload as version N + 1 writes it; it may consume what it got. A file of version 1 is read through `UPGRADES[1]`, then
`UPGRADES[2]` and so on.
"""

from array import array
from collections.abc import Callable
from typing import Any, Final

from simcore.trace.codec import BLOCK, Damage, FrameKind, decode_column, encode_column, grouped_differences, grouped_sums
from simcore.trace.events import FORMAT_VERSION
from simcore.trace.tables import value_groups

Raw = Any
"""The unpacked payload of one frame: a map or an array. It does not leave this package."""

Upgrade = Callable[[FrameKind, int, Raw], Raw]


def _with_processes(kind: FrameKind, items: int, raw: Raw) -> Raw:
    """Version 1 knew one process, so no object was the copy of another."""
    if kind is not FrameKind.OBJECTS:
        return raw
    strings, *columns = raw
    if not isinstance(strings, list):
        raise TypeError(f"strings that are a {type(strings).__name__}")
    none = strings.index("") if "" in strings else len(strings)
    names = strings if none < len(strings) else [*strings, ""]
    return [names, *columns, encode_column(array("I", [none]) * items)]


def _with_groups(kind: FrameKind, items: int, raw: Raw) -> Raw:
    """Version 2 had numbers in the names of actors and in objects as they are, and the values of all events grouped alike."""
    if kind is FrameKind.ACTORS:
        strings, name, thread_name = raw
        if any(type(text) is not str for text in strings):
            raise TypeError("strings that are not all text")
        return [strings, name, b"", thread_name, b""]
    if kind is FrameKind.OBJECTS:
        strings, creator, kinds, n, *rest = raw
        creators, numbers = decode_column("I", items, creator), decode_column("I", items, n)
        groups = decode_column("B", items, kinds)
        born = grouped_differences(zip(creators, groups, strict=True), numbers)
        return [strings, encode_column(grouped_differences(groups, creators)), kinds, encode_column(born), *rest]
    if kind is FrameKind.EVENTS:
        actor, kinds, things, site, value, *rest = raw
        event_kinds, objects = decode_column("B", items, kinds), decode_column("I", items, things)
        values = grouped_sums(zip(event_kinds, objects, strict=True), decode_column("q", items, value))
        grouped = grouped_differences(value_groups(event_kinds, objects), values)
        return [actor, kinds, things, site, encode_column(grouped), *rest]
    return raw


UPGRADES: Final[dict[int, Upgrade]] = {1: _with_processes, 2: _with_groups}
"""By the version that wrote the file. Version 1 is the first: there is nothing older to read."""

OLDEST: Final = 1
"""The oldest version that can be read."""


def readable(version: int) -> bool:
    """Whether a file of this version can be read: it is of the present version, or a function stands for every step up to it."""
    return version <= FORMAT_VERSION and all(step in UPGRADES for step in range(version, FORMAT_VERSION))


def upgrade(version: int, kind: FrameKind, items: int, raw: Raw) -> Raw:
    """The payload as the present version writes it. Raises: Damage when it is not what that version wrote."""
    if items > BLOCK:
        return raw  # too many to be true: the present version refuses them, too
    for step in range(version, FORMAT_VERSION):
        try:
            raw = UPGRADES[step](kind, items, raw)
        except (Damage, LookupError, TypeError, ValueError, AttributeError) as error:
            raise Damage(f"a frame of {kind.word} that is not of format version {step} ({error!r})") from None
    return raw
