"""What the frames of a trace file mean: the parts of a Trace as payloads, and back. Files and bytes are not known here.

What is read is checked against the types of the model and against the sizes of the tables, so that nothing further up meets an
index that leads nowhere. The same checks run before a trace is written: what was saved loads.
"""

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum, IntEnum
from functools import cache
from itertools import compress
from operator import add, sub
from types import NoneType, UnionType
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from simcore.trace.codec import (
    BLOCK,
    PIECE,
    Damage,
    FrameKind,
    decode_column,
    differences,
    encode_column,
    grouped_differences,
    grouped_sums,
    signed,
    sums,
)
from simcore.trace.events import TEXT_KINDS, Kind, ObjectKind
from simcore.trace.model import ActorInfo, Columns, Ending, ObjectInfo, Site, Span

T = TypeVar("T")

TEXT: Final = "s"
"""Stands for a column of strings where an `array` type code stands for one of numbers."""

NUMBERED: Final = "n"
"""A column of strings that differ in a number: `player-1`, `player-2`. The number stands in a column of its own."""

_NUMBERED: Final = re.compile(r"(.*?)(0|[1-9][0-9]{0,17})([^0-9]*)", re.DOTALL)

TABLES: Final[dict[FrameKind, tuple[type[tuple[Any, ...]], str]]] = {
    FrameKind.ACTORS: (ActorInfo, "nn"),
    FrameKind.SITES: (Site, "sIs"),
    FrameKind.OBJECTS: (ObjectInfo, "qBqIss"),
    FrameKind.SPANS: (Span, "sIIIqq"),
}
"""Per kind of frame the class of a row and the type of each of its fields as stored."""

EVENT_CODES: Final = "IBIIqIq"
"""The types of the columns of events, in the order in which `Columns` has them."""

EVENT_BYTES: Final = sum(array(code).itemsize for code in EVENT_CODES)

_FILE_KINDS: Final = frozenset(int(kind) for kind in Kind if kind < Kind.CREATE)
_KNOWN: Final = bytes(sorted(_FILE_KINDS))


def _mask(*kinds: Kind) -> bytes:
    return bytes(kind in kinds for kind in range(256))


_HOLDS_TEXT: Final = _mask(*TEXT_KINDS)
_HOLDS_ACTOR: Final = _mask(Kind.START)
_FIXED: Final = frozenset({ObjectKind.NONE, ObjectKind.STREAM, ObjectKind.CLOCK, ObjectKind.PROCESS, ObjectKind.IMPORTS})


class Sizes(NamedTuple):
    """How many of each a trace has: bounds of the indices in it."""

    actors: int
    sites: int
    objects: int
    texts: int
    sources: int
    events: int
    spans: int


# Maps and rows whose types the model declares.


_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def to_map(record: object) -> dict[str, Any]:
    """A dataclass as a map of its fields, dataclasses in it too."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}  # type: ignore[arg-type]
    return {name: _to_plain(value) for name, value in values.items()}


def _to_plain(value: Any) -> Any:
    if isinstance(value, list):
        return [to_map(item) if is_dataclass(item) else item for item in value]
    return to_map(value) if is_dataclass(value) else value


def from_map(cls: type[T], raw: Any, where: str) -> T:
    """The dataclass that `to_map` was given; a missing field takes its default, so fields may be added. Raises: Damage."""
    if not isinstance(raw, dict):
        raise Damage(f"{where} is a {type(raw).__name__}, expected a map")
    hints = _hints(cls)
    if unknown := raw.keys() - hints.keys():
        raise Damage(f"{where} has the unknown field {min(map(repr, unknown))}, expected only {', '.join(hints)}")
    for field in fields(cls):  # type: ignore[arg-type]
        if field.name not in raw and field.default is MISSING and field.default_factory is MISSING:
            raise Damage(f"{where} lacks the field {field.name!r}")
    return cls(**{name: fit(value, hints[name], f"{where}.{name}") for name, value in raw.items()})


def fit(value: Any, hint: Any, where: str) -> Any:
    """The unpacked value as the type that the model declares for it. Raises: Damage."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return _plain(value, where)
    if origin is UnionType:
        return None if value is None and NoneType in inner else fit(value, inner[0], where)
    if is_dataclass(hint):
        return from_map(hint, value, where)  # type: ignore[arg-type]
    if origin in (list, tuple):
        if isinstance(value, list | tuple):
            return origin(fit(item, inner[0], f"{where}[{n}]") for n, item in enumerate(value))
    elif origin is dict:
        if isinstance(value, dict) and all(type(key) is str for key in value):
            return {key: fit(item, inner[1], f"{where}[{key!r}]") for key, item in value.items()}
    elif issubclass(hint, IntEnum):
        if isinstance(value, int) and value in hint._value2member_map_:
            return hint(value)
    elif issubclass(hint, tuple):
        types = _hints(hint)
        if isinstance(value, list | tuple) and len(value) == len(types):
            pairs = zip(value, types.items(), strict=True)
            return hint(*(fit(item, kind, f"{where}.{name}") for item, (name, kind) in pairs))
    elif type(value) is hint or (hint is float and type(value) is int and abs(value) < 1 << 64):
        return hint(value)
    raise Damage(f"{where} is {_short(value)}, expected {getattr(hint, '__name__', hint)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    """A parameter of a pattern: text, bytes, numbers, lists and maps of them; a member of an enum stands by its name."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list | tuple) and depth < 32:
        return [_plain(item, where, depth + 1) for item in value]
    if isinstance(value, dict) and depth < 32 and all(isinstance(key, str) for key in value):
        return {key: _plain(item, where, depth + 1) for key, item in value.items()}
    if value is None or isinstance(value, str | bytes | int | float):
        return value
    raise Damage(f"{where} holds {_short(value)}, expected text, bytes, numbers, lists and maps")


# Tables.


def encode_table(kind: FrameKind, rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[FrameKind, int, object]]:
    """The frames of a table, each [its distinct strings, a column per field]."""
    codes = TABLES[kind][1]
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        columns = list(zip(*block, strict=True))
        if kind is FrameKind.SPANS:
            *rest, first, last = columns
            columns = [*rest, tuple(differences(first)), tuple(map(sub, last, first))]
        elif kind is FrameKind.OBJECTS:
            creators, kinds, numbers, *rest = columns
            born = grouped_differences(zip(creators, kinds, strict=True), numbers)
            columns = [tuple(grouped_differences(kinds, creators)), kinds, tuple(born), *rest]
        strings: dict[str | tuple[str, str], int] = {}
        content: list[object] = [strings]
        for code, column in zip(codes, columns, strict=True):
            if code == NUMBERED:
                parts = [_with_number(text) for text in column]
                indices = array("I", (strings.setdefault(around, len(strings)) for around, _ in parts))
                content += [encode_column(indices), encode_column(grouped_differences(indices, (number for _, number in parts)))]
            elif code == TEXT:
                content.append(encode_column(array("I", (strings.setdefault(text, len(strings)) for text in column))))
            else:
                content.append(encode_column(array(code, column)))
        content[0] = list(strings)
        yield kind, len(block), content


def _with_number(text: str) -> tuple[str | tuple[str, str], int]:
    """A text as what stands around the last number in it, and that number; one without a number as itself and 0."""
    found = _NUMBERED.fullmatch(text)
    if found is None or found[1][-1:].isdecimal():
        return text, 0
    return (found[1], found[3]), int(found[2])


def decode_table(kind: FrameKind, count: int, raw: Any) -> list[Any]:
    """The rows of one frame. Raises: Damage."""
    row, codes = TABLES[kind]
    strings, *planes = _parts(kind, count, raw, 1 + len(codes) + codes.count(NUMBERED))
    if not isinstance(strings, list) or not all(_is_string(text, NUMBERED in codes) for text in strings):
        raise Damage(f"a frame of {kind.word} whose strings are not all text")
    columns: list[Sequence[Any]] = []
    left = iter(planes)
    for code in codes:
        column = decode_column("I" if code in (TEXT, NUMBERED) else code, count, next(left))
        if code in (TEXT, NUMBERED):
            _within(column, len(strings), f"a row of {kind.word}", "string")
        if code == NUMBERED:
            numbers = grouped_sums(column, decode_column("q", count, next(left)))
            columns.append([_numbered(strings[index], number) for index, number in zip(column, numbers, strict=True)])
        else:
            columns.append([strings[index] for index in column] if code == TEXT else column)
    if kind is FrameKind.OBJECTS:
        columns[0] = grouped_sums(columns[1], columns[0])
        columns[2] = grouped_sums(zip(columns[0], columns[1], strict=True), columns[2])
        columns[1] = [fit(number, ObjectKind, f"the kind of an object in a frame of {kind.word}") for number in columns[1]]
    elif kind is FrameKind.SPANS:
        columns[4] = sums(columns[4])
        columns[5] = signed(map(add, columns[5], columns[4]))
    return [row(*cells) for cells in zip(*columns, strict=True)]


def _is_string(text: object, numbered: bool) -> bool:
    """Whether it is text, or, where there are numbered ones, the two texts around a number."""
    if numbered and isinstance(text, list):
        return len(text) == 2 and all(type(part) is str for part in text)
    return type(text) is str


def _numbered(text: str | list[str], number: int) -> str:
    """The text of a row. Raises: Damage for a number that none can have."""
    is_plain = isinstance(text, str)
    if number < 0 or (is_plain and number):
        raise Damage(f"a text with the number {number}, expected {0 if is_plain else '0 or more'}")
    return text if isinstance(text, str) else f"{text[0]}{number}{text[1]}"


def _parts(kind: FrameKind, count: int, raw: Any, expected: int) -> list[Any]:
    if not 1 <= count <= BLOCK:
        raise Damage(f"a frame of {kind.word} with {count:,} rows, expected 1 to {BLOCK:,}")
    if not isinstance(raw, list) or len(raw) != expected:
        raise Damage(f"a frame of {kind.word} that is no array of {expected} parts")
    return raw


def encode_texts(kind: FrameKind, texts: Iterable[str | bytes]) -> Iterator[tuple[FrameKind, int, object]]:
    """Frames of texts, each [whether its first item goes on with the last item of the frame before, items]."""
    continues, size = False, 0
    batch: list[str | bytes] = []
    for text in texts:
        for start in range(0, len(text) or 1, PIECE):
            if size >= PIECE or len(batch) == BLOCK or start:
                yield kind, len(batch), [continues, batch]
                continues, batch, size = start > 0, [], 0
            batch.append(text[start : start + PIECE])
            size += len(batch[-1])
    if batch:
        yield kind, len(batch), [continues, batch]


def decode_texts(kind: FrameKind, count: int, raw: Any, into: list[Any]) -> int:
    """Append the texts of one frame and return roughly what they take in memory. Raises: Damage."""
    continues, items = _parts(kind, count, raw, 2)
    allowed = (str,) if kind is FrameKind.SOURCES else (str, bytes)
    if not isinstance(items, list) or len(items) != count or any(type(item) not in allowed for item in items):
        raise Damage(f"a frame of {kind.word} whose items are not {count} texts")
    memory = sum(map(len, items)) + 64 * count
    if continues:
        if not into or type(into[-1]) is not type(items[0]):
            raise Damage(f"a frame of {kind.word} that goes on with a text that did not begin")
        into[-1] += items.pop(0)
    into.extend(items)
    return memory


# Events.


def columns_of(events: Columns) -> list["array[int]"]:
    """The arrays in the order of the file."""
    return [events.actor, events.kind, events.object, events.site, events.value, events.waited_us, events.at_ns]


_ONCE: Final = _mask(Kind.START, Kind.BEGIN, Kind.END, Kind.JOIN)


def value_groups(kinds: "array[int]", objects: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The group of each event's value: its kind and object, or the kind alone where each object has one such event."""
    return zip(kinds, map(_object_or_0, kinds.tobytes().translate(_ONCE), objects), strict=True)


def _object_or_0(is_once: int, thing: int) -> int:
    return 0 if is_once else thing


def encode_events(events: Columns) -> Iterator[tuple[FrameKind, int, object]]:
    """Frames of up to 8192 events, a column per field. Each can be read without those before it."""
    columns = columns_of(events)
    for start in range(0, len(events), BLOCK):
        actor, kind, obj, site, value, waited, at = (column[start : start + BLOCK] for column in columns)
        value = grouped_differences(value_groups(kind, obj), value)
        content = [encode_column(column) for column in (actor, kind, obj, site, value, waited, differences(at))]
        yield FrameKind.EVENTS, len(kind), content


def decode_events(count: int, raw: Any) -> list["array[int]"]:
    """The columns of one frame in the order of the file. Raises: Damage."""
    planes = _parts(FrameKind.EVENTS, count, raw, len(EVENT_CODES))
    columns = [decode_column(code, count, plane) for code, plane in zip(EVENT_CODES, planes, strict=True)]
    columns[4] = grouped_sums(value_groups(columns[1], columns[2]), columns[4])
    columns[6] = sums(columns[6])
    return columns


# Indices lead somewhere.


def _within(column: Sequence[int], size: int, what: str, table: str) -> None:
    if column and (max(column) >= size or min(column) < 0):
        found = next(index for index in column if not 0 <= index < size)
        raise Damage(f"{what} has {table} {found}, expected one of {size}")


def check_events(columns: Sequence["array[int]"], sizes: Sizes, first: int) -> None:
    """Raises: Damage for an event of a block whose indices or kind mean nothing; `first` is the position of the block."""
    actor, kind, obj, site, value, _, _ = columns
    where = f"an event from @{first} on"
    _within(actor, sizes.actors, where, "actor")
    _within(obj, sizes.objects, where, "object")
    _within(site, sizes.sites, where, "site")
    kinds = kind.tobytes()
    if unknown := kinds.translate(None, _KNOWN):
        raise Damage(f"{where} has the unknown kind {unknown[0]}, expected one of {len(_KNOWN)} (a newer simcore wrote it?)")
    _within(tuple(compress(value, kinds.translate(_HOLDS_TEXT))), sizes.texts, where, "text")
    _within(tuple(compress(value, kinds.translate(_HOLDS_ACTOR))), sizes.actors, where, "actor to start")


def check_objects(objects: Sequence[ObjectInfo], sizes: Sizes) -> None:
    """Raises: Damage for an object whose creator or site does not exist."""
    for info in objects:
        if not (0 <= info.creator < sizes.actors or (info.kind in _FIXED and not info.creator)) or info.site >= sizes.sites:
            raise Damage(
                f"an object has creator {info.creator} at site {info.site}, expected {sizes.actors} actors, {sizes.sites} sites"
            )
        if not 0 <= info.n < 1 << 32:
            raise Damage(f"an object has the count {info.n}, expected 0 to 2^32 - 1")


def check_spans(spans: Sequence[Span], sizes: Sizes) -> None:
    """Raises: Damage for a span whose actor, object, site or events do not exist."""
    for span in spans:
        known = span.actor < sizes.actors and span.object < sizes.objects and span.site < sizes.sites
        if not known or not (0 <= span.first <= sizes.events and -1 <= span.last < sizes.events):
            raise Damage(f"a span leads nowhere: {span}, expected {sizes}")


def check_ending(ending: Ending, sizes: Sizes) -> None:
    """Raises: Damage for an ending that names what does not exist. A link without an owner has owner -1."""
    waits = [(wait.actor, wait.object, wait.site) for wait in ending.pending]
    waits += [(link.actor, link.object, link.site) for link in ending.deadlock]
    sites = [ending.error_site, *(site for _, _, site in waits)]
    for link in ending.deadlock:
        sites += [*link.taken, *link.released]
    _within([actor for actor, _, _ in waits], sizes.actors, "a waiting actor", "actor")
    _within([obj for _, obj, _ in waits], sizes.objects, "a waiting actor", "object")
    _within([link.owner + 1 for link in ending.deadlock], sizes.actors + 1, "a deadlock", "owner + 1")
    _within(sites, max(sizes.sites, 1), "the ending", "site")
