"""The bytes of a trace file: its first and last 20 bytes, frames, columns. What a frame means is not known here.

Everything is little-endian. Nothing that is read is trusted: lengths are bounded before memory is taken, every byte is
covered by a checksum, and what does not fit raises `Damage`, which says what was found and what was expected.
"""

import sys
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import accumulate, chain
from operator import sub
from struct import Struct
from typing import Any, Final, NamedTuple

import msgpack  # type: ignore[import-untyped]

MAGIC: Final = b"\x89simtrace\r\n\x1a"
"""First 12 bytes: the high bit, the line end and the Ctrl-Z each die in another kind of careless transfer."""

END_MARK: Final = b"simend\r\n"

BLOCK: Final = 8192
"""Most rows in one frame of a table or of events."""

MAX_RAW: Final = 16 << 20
"""Most bytes of an unpacked payload."""

MAX_PACKED: Final = MAX_RAW + (1 << 16)
"""Most bytes of a payload in the file: zlib adds a little to what it cannot compress."""

PIECE: Final = 1 << 20
"""A frame of texts is closed when it holds this much, and a longer text is cut into pieces of this many characters."""

_START: Final = Struct("<12sHHI")
_HEAD: Final = Struct("<4s5I")
_END: Final = Struct("<QI8s")
_HEAD_CHECKED: Final = _HEAD.size - 4

START_SIZE: Final = _START.size
HEAD_SIZE: Final = _HEAD.size
END_SIZE: Final = _END.size


class Damage(Exception):
    """Bytes that are not as they were written. The sentence says what was found and what was expected."""


class FrameKind(Enum):
    """What a frame holds, by its four letters in the file. Frames stand in this order; HEADER and ENDING stand exactly once."""

    HEADER = b"HEAD"
    ACTORS = b"ACTR"
    SITES = b"SITE"
    OBJECTS = b"OBJS"
    TEXTS = b"TEXT"
    SOURCES = b"SRCS"
    EVENTS = b"EVTS"
    SPANS = b"SPAN"
    ENDING = b"LAST"

    @property
    def word(self) -> str:
        """The lower-case word of the documentation."""
        return self.name.lower()


class FrameHead(NamedTuple):
    """A frame without its payload: its bytes in the file, unpacked, its number of items, checksum of its bytes in the file."""

    kind: FrameKind
    packed: int
    raw: int
    items: int
    checksum: int


def encode_start(version: int) -> bytes:
    """The first 20 bytes of a file: magic, format version, checksum."""
    start = _START.pack(MAGIC, version, 0, 0)[:-4]
    return start + zlib.crc32(start).to_bytes(4, "little")


def decode_start(data: bytes) -> int:
    """The format version. Raises: Damage when the checksum is wrong; the caller has looked at the magic."""
    magic, version, reserved, checksum = _START.unpack(data)
    found = zlib.crc32(data[:-4])
    if found != checksum or reserved or magic != MAGIC:
        raise Damage(f"the first {START_SIZE} bytes have checksum {found:08x}, expected {checksum:08x}")
    return int(version)


def encode_end(offset: int) -> bytes:
    """The last 20 bytes of a file: where the last frame begins, checksum, mark."""
    where = offset.to_bytes(8, "little")
    return where + zlib.crc32(where).to_bytes(4, "little") + END_MARK


def decode_end(data: bytes) -> int:
    """Where the last frame begins. Raises: Damage."""
    offset, checksum, mark = _END.unpack(data)
    if mark != END_MARK:
        raise Damage(f"the file ends with {mark!r}, expected {END_MARK!r}")
    if zlib.crc32(data[:8]) != checksum:
        raise Damage(f"the last {END_SIZE} bytes have checksum {zlib.crc32(data[:8]):08x}, expected {checksum:08x}")
    return int(offset)


def encode_frame(kind: FrameKind, items: int, content: object) -> bytes:
    """A whole frame: head and compressed payload. Raises: ValueError, TypeError, OverflowError for what msgpack cannot hold."""
    raw = pack(content)
    if len(raw) > MAX_RAW:
        raise ValueError(f"a frame of {kind.word} of {len(raw):,} bytes; at most {MAX_RAW:,} fit")
    packed = _compress(raw)
    if len(raw) > 100 * len(packed) + PIECE // 8:
        packed = zlib.compress(
            raw, 0
        )  # readers refuse files that grow too much in memory: a repetitive text must not look like one
    head = _HEAD.pack(kind.value, len(packed), len(raw), items, zlib.crc32(packed), 0)[:_HEAD_CHECKED]
    return head + zlib.crc32(head).to_bytes(4, "little") + packed


def _compress(raw: bytes) -> bytes:
    """A zlib stream with codes of its own for every 8192 bytes: each plane of a full block is of another kind. Saves 5 to 10%."""
    stream = zlib.compressobj()
    parts = []
    for start in range(0, len(raw), BLOCK):
        parts += [stream.compress(raw[start : start + BLOCK]), stream.flush(zlib.Z_BLOCK)]
    return b"".join([*parts, stream.flush()])


def decode_head(data: bytes) -> FrameHead:
    """The 24 bytes before a payload. Raises: Damage, also for a kind that is not known and sizes beyond the limits."""
    letters, packed, raw, items, checksum, own = _HEAD.unpack(data)
    found = zlib.crc32(data[:_HEAD_CHECKED])
    if found != own:
        raise Damage(f"a frame's head has checksum {found:08x}, expected {own:08x}")
    try:
        kind = FrameKind(letters)
    except ValueError:
        known = ", ".join(kind.value.decode() for kind in FrameKind)
        raise Damage(f"a frame of the unknown kind {letters!r}, expected one of {known}") from None
    if packed > MAX_PACKED or raw > MAX_RAW:
        raise Damage(f"a frame of {kind.word} of {max(packed, raw):,} bytes, expected at most {MAX_RAW:,}")
    return FrameHead(kind, packed, raw, items, checksum)


def decode_payload(head: FrameHead, packed: bytes) -> Any:
    """What is in a frame, as msgpack has it. Raises: Damage."""
    found = zlib.crc32(packed)
    if found != head.checksum:
        raise Damage(f"a frame of {head.kind.word} has checksum {found:08x}, expected {head.checksum:08x}")
    unzip = zlib.decompressobj()
    try:
        raw = unzip.decompress(packed, head.raw + 1)
    except zlib.error as error:
        raise Damage(f"a frame of {head.kind.word} that does not decompress ({error})") from None
    if len(raw) != head.raw or not unzip.eof or unzip.unused_data:
        raise Damage(f"a frame of {head.kind.word} that does not decompress to the {head.raw:,} bytes it announces")
    try:
        return unpack(raw)
    except (ValueError, TypeError, RecursionError, MemoryError, msgpack.UnpackException) as error:
        raise Damage(f"a frame of {head.kind.word} that is no msgpack ({error or type(error).__name__})") from None


_BIG_INTEGER: Final = 1  # msgpack's integers end at 64 bits; a parameter of a pattern may be longer
_MAX_DIGITS: Final = 4000


def _pack_other(value: object) -> msgpack.ExtType:
    if isinstance(value, int) and len(digits := str(value)) <= _MAX_DIGITS:
        return msgpack.ExtType(_BIG_INTEGER, digits.encode())
    raise TypeError(f"a {type(value).__name__}, expected text, bytes, numbers, lists and maps")


def _unpack_other(code: int, data: bytes) -> int:
    if code != _BIG_INTEGER or len(data) > _MAX_DIGITS or not data.lstrip(b"-").isdigit():
        raise ValueError(f"an extension of type {code}")
    return int(data)


def pack(value: object) -> bytes:
    """msgpack; lone surrogates (from undecodable file names) stand as three bytes each."""
    packed: bytes = msgpack.packb(value, default=_pack_other, unicode_errors="surrogatepass")
    return packed


def unpack(raw: bytes) -> Any:
    """The value of one msgpack; nothing in it may claim more items than there are bytes. Raises: ValueError and its kin."""
    size = len(raw)
    return msgpack.unpackb(
        raw,
        unicode_errors="surrogatepass",
        ext_hook=_unpack_other,
        max_array_len=min(size, 1 << 16),
        max_map_len=min(size, 1 << 16),
        max_str_len=size,
        max_bin_len=size,
        max_ext_len=_MAX_DIGITS,
    )


_ZEROS: Final = bytes(BLOCK)


def encode_column(column: "array[int]") -> bytes:
    """A column as planes: the lowest byte of every row, then the second of every row...; zero planes at the end are left out."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    raw, width, zeros = column.tobytes(), column.itemsize, _ZEROS[: len(column)]
    planes = [raw[place::width] for place in range(width)]
    while planes and planes[-1] == zeros:
        planes.pop()
    return b"".join(planes)


def decode_column(code: str, count: int, planes: object) -> "array[int]":
    """A column of `count` rows of the `array` type `code`. Raises: Damage when the planes do not make up that many rows."""
    column = array(code)
    width = column.itemsize
    if not isinstance(planes, bytes) or not count or len(planes) % count or len(planes) > count * width:
        found = f"of {len(planes)} bytes" if isinstance(planes, bytes) else f"that is a {type(planes).__name__}"
        raise Damage(f"a column {found}, expected 0 to {width} for each of {count} rows")
    raw = bytearray(count * width)
    for place in range(len(planes) // count):
        raw[place::width] = planes[place * count : (place + 1) * count]
    column.frombytes(raw)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def signed(values: Iterable[int]) -> "array[int]":
    """The numbers modulo 2^64, between -2^63 and 2^63 - 1, in which all differences and sums are reckoned."""
    values = list(values)
    try:
        return array("q", values)
    except OverflowError:
        return array("q", [(value + (1 << 63)) % (1 << 64) - (1 << 63) for value in values])


def differences(column: Sequence[int]) -> "array[int]":
    """Each row less the row before it; the first row as it is."""
    return signed([column[0], *map(sub, column[1:], column)])


def sums(differences: Sequence[int]) -> "array[int]":
    """What `differences` was made of."""
    return signed(accumulate(differences))


def grouped_differences(keys: Iterable[object], column: Iterable[int]) -> "array[int]":
    """The rows with the same key together, groups in the order of their first rows; each row less the one before in its group."""
    groups: defaultdict[object, list[int]] = defaultdict(list)
    for key, value in zip(keys, column, strict=True):
        groups[key].append(value)
    return signed(chain.from_iterable((group[0], *map(sub, group[1:], group)) for group in groups.values()))


def grouped_sums(keys: Iterable[object], differences: Sequence[int]) -> "array[int]":
    """What `grouped_differences` was made of."""
    groups: defaultdict[object, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        groups[key].append(place)
    found, start = [0] * len(differences), 0
    for group in groups.values():
        for place, value in zip(group, accumulate(differences[start : start + len(group)]), strict=True):
            found[place] = value
        start += len(group)
    return signed(found)
