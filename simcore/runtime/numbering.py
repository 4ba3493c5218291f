"""The numbers of actors, objects, sites and texts: no two processes of a run give the same."""

from collections.abc import Iterator
from itertools import chain, count, repeat
from typing import Final

from simcore.runtime import segment
from simcore.trace.events import FIRST_OBJECT

BLOCK: Final = 1 << 16
"""Processes number their actors, objects and sites in blocks of this size, so that a number means the same in all of them."""

actor_numbers: Iterator[int] = count()
object_numbers: Iterator[int] = count(FIRST_OBJECT)
site_numbers: Iterator[int] = count(1)
text_numbers: Iterator[int] = count(1)


def number_from(folder: str) -> None:
    """Take numbers that no other process of the run has; more are claimed when these are used up."""
    global actor_numbers, object_numbers, site_numbers, text_numbers
    block = segment.claim_block(folder)

    def next_block(_: None) -> range:
        start = segment.claim_block(folder) * BLOCK
        return range(start, start + BLOCK)

    def numbers(first: int) -> Iterator[int]:
        # Not a generator: two threads may ask at the same moment.
        more = chain.from_iterable(map(next_block, repeat(None)))
        return chain(range(block * BLOCK + first, (block + 1) * BLOCK), more)

    actor_numbers = numbers(0)
    object_numbers = numbers(FIRST_OBJECT)
    site_numbers = numbers(1)
    text_numbers = count(block << 32 | 1)


def reserve_indices(taken: int) -> None:
    """Let new actors be numbered from `taken` on: the indices below belong to the trace that is followed."""
    global actor_numbers
    actor_numbers = map(taken.__add__, actor_numbers)
