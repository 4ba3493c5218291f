"""The little of the protobuf wire format that a trace needs: fields of numbers and of bytes, each behind its key.

See https://protobuf.dev/programming-guides/encoding/. Written by hand because the library of
Perfetto keeps all packets in memory (0.9 GB for a million) and would make the most used export ask for an install.
"""

from __future__ import annotations

from functools import cache
from struct import Struct
from typing import Final

pack_fixed64: Final = Struct("<2sQ").pack
"""A field of eight bytes behind its key, which here always takes two: fields 16 to 2047."""

SHORTS: Final = 1 << 14
SHORT: Final = [bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7)) for n in range(SHORTS)]
"""The varints below `SHORTS`: what is written by the million need not call for them."""

_MORE: Final = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(SHORTS)]


def varint(number: int) -> bytes:
    """A number of at most 64 bits, not negative, seven bits a byte, the lowest first; here two of them at a time."""
    if number < SHORTS:
        return SHORT[number]
    out = _MORE[number & 16383]
    number >>= 14
    while number >= SHORTS:
        out += _MORE[number & 16383]
        number >>= 14
    return out + SHORT[number]


@cache
def key(field: int, wire: int) -> bytes:
    """What stands before a value: 0 for a varint, 1 for eight bytes, 2 for what has a length."""
    return varint(field << 3 | wire)


def number(field: int, value: int) -> bytes:
    """A field of a number; one below zero as its two's complement of 64 bits."""
    return key(field, 0) + varint(value & 0xFFFFFFFFFFFFFFFF)


def message(field: int, *parts: bytes) -> bytes:
    """A field that holds other fields, or bytes."""
    content = b"".join(parts)
    return key(field, 2) + varint(len(content)) + content


def text(field: int, value: str) -> bytes:
    """A field of text. A lone surrogate, which UTF-8 does not have, becomes a question mark."""
    return message(field, value.encode("utf-8", "replace"))
