"""Records accesses, and has them happen in their order again.

Plain data: while recording, `objects.lock` makes record and access one step. In a replay an access that the trace left out, since
nobody else ever touched what it acted on, is done at once: all that is known of those is how many they are. One that the trace has
waits for its turn. Anything else may run code of the program's: it is recorded, or has its turn, just before.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

from simcore.runtime import gate as gates
from simcore.runtime import segment
from simcore.runtime.access import objects
from simcore.runtime.access.spots import Spot
from simcore.runtime.actors import Actor, emit, ready
from simcore.runtime.segment import TAG_SPOT
from simcore.trace.events import Kind

NONE_LEFT: Final = sys.maxsize
"""In a replay: none of the actor's further accesses is in the trace."""

fields: list[str] = []
"""Per spot the attribute, variable or method."""

_sites: list[int] = []
_spots: list[tuple[str, Spot]] = []


def register(path: str, spots: "list[Spot] | tuple[Spot, ...]") -> int:
    """Number the spots of a module; returns the number of the first."""
    first = len(fields)
    _spots.extend((path, spot) for spot in spots)
    _sites.extend([0] * len(spots))
    fields.extend(sys.intern(spot.field) for spot in spots)
    return first


def site_of(spot: int) -> int:
    """The site of a spot, which no other spot has. Two threads may define it twice: each is good."""
    site = _sites[spot]
    if not site:
        from simcore.runtime import actors

        path, (line, function, field, what) = _spots[spot]
        site = next(actors._site_numbers)
        segment.current.define(segment.TAG_SITE, site, line, path, function)
        segment.current.define(TAG_SPOT, site, int(what), field)
        _sites[spot] = site
    return site


def plainly(actor: Actor, kind: Kind, thing: Any, spot: int, key: int, does: Callable[..., Any], *arguments: Any) -> Any:
    """Do what accesses plain data, record and access in one step. Raises: what it raises, which was an access too."""
    following = actor.following
    if following is not None:
        return _follow(actor, following, kind, thing, spot, key, does, arguments, plain=True)
    if actor.rest is not None:
        actor.look()
    number, site = objects.number_of(actor, thing), site_of(spot)
    commit = ready(actor, kind, number, site, key << 32)
    with objects.lock:
        commit()
        return does(*arguments)


def before(actor: Actor, kind: Kind, thing: Any, spot: int, key: int) -> None:
    """Record an access that is about to happen and may run anything."""
    following = actor.following
    if following is not None:
        _follow(actor, following, kind, thing, spot, key, int, (), plain=False)
        return
    if actor.rest is not None:
        actor.look()
    emit(actor, kind, objects.number_of(actor, thing), site_of(spot), key << 32)


def _follow(
    actor: Actor,
    following: Any,
    kind: Kind,
    thing: Any,
    spot: int,
    key: int,
    does: Callable[..., Any],
    arguments: tuple[Any, ...],
    *,
    plain: bool,
) -> Any:
    if following.left < 0:
        following.find_access()
    if following.left:
        following.left -= 1
        return does(*arguments)
    number, skipped, site = following.access_object, following.access_skipped, site_of(spot)
    gate = gates.current
    gate.enter(actor, kind, number, site)
    following.left = -1
    objects.describe_once(actor, number, thing)
    if not plain:
        gate.leave(actor, kind, number, site, key << 32 | skipped)
        return does(*arguments)
    try:
        return does(*arguments)
    finally:
        gate.leave(actor, kind, number, site, key << 32 | skipped)


def is_next(actor: Actor, kind: Kind) -> bool | None:
    """In a replay: whether the access at hand is in the trace, as one of this kind; None where it is not, or nothing is replayed."""
    following = actor.following
    if following is None:
        return None
    if following.left < 0:
        following.find_access()
    return None if following.left else following.access_kind == kind


