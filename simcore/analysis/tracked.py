"""What FastTrack finds: pairs of lines whose accesses nothing ordered."""

from __future__ import annotations

from dataclasses import dataclass, field

from simcore.analysis.places import Places

PairKey = tuple[int, int, int]
"""Group of places that are called alike, lower site, higher site."""


@dataclass(slots=True)
class Pair:
    """Two lines whose accesses nothing ordered: the first such accesses, earlier position first, how often, at which places.

    `whats` are the ways in which the two met: (what at the lower site, what at the higher one). `unsure` says that in none of
    them it is known that the items were the same.
    """

    first: tuple[int, int]
    times: int = 0
    keys: set[int] = field(default_factory=set)
    whats: set[tuple[int, int]] = field(default_factory=set)
    unsure: bool = True


@dataclass(slots=True)
class Tracked:
    """What the pass found: pairs by their sites, how many accesses at how many places it looked at, and whether it compared all.

    `judged` knows the places; `actor_of` has for each signal handler the actor that it runs on, and for others themselves.
    """

    judged: Places
    actor_of: list[int]
    pairs: dict[PairKey, Pair] = field(default_factory=dict)
    untold: dict[int, PairKey] = field(default_factory=dict)
    """Arrays in shared memory whose items may or may not have been the same ones, by object, with two sites."""
    accesses: int = 0
    looked_at: int = 0
    complete: bool = True
