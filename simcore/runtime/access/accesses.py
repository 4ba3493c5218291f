"""Records accesses, and has them happen in their order again.

Plain data: while recording, record and access are one step. In a replay an access that the trace left out, since nobody else ever
touched what it acted on, is done at once: all that is known of those is how many they are. One that the trace has waits for its
turn. Anything else may run code of the program's: it is recorded, or has its turn, just before.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, starmap
from operator import call, delitem, setitem
from struct import Struct
from types import BuiltinFunctionType
from typing import Any, Final

from simcore.runtime import gate as gates
from simcore.runtime import numbering, originals, segment
from simcore.runtime.access import objects
from simcore.runtime.access.kinds import own_dict
from simcore.runtime.access.objects import number_of
from simcore.runtime.access.spots import UPDATES, Spot
from simcore.runtime.actors import Actor, emit
from simcore.runtime.core import HAS_GIL, core
from simcore.runtime.segment import TAG_SPOT
from simcore.trace.events import HEAD, RECORD, Kind

fields: list[str] = []
"""Per spot the attribute, variable or method."""

_pack: Final = Struct("@qIIIHHQ").pack_into
"""A record whole; its stamp, which commits it, is written last here too."""

pack_head: Final = HEAD.pack
pack_record: Final = RECORD.pack_into
now: Final = originals.monotonic_ns
_moments: Final = iter(now, None)

_LOCKED: Final = core is None or not HAS_GIL
_sites: list[int] = []
_spots: list[tuple[str, Spot]] = []


def register(path: str, spots: Sequence[Spot]) -> int:
    """Number the spots of a module; returns the number of the first."""
    names = [sys.intern(spot.field) for spot in spots]
    with objects.lock:
        first = len(fields)
        _spots.extend((path, spot) for spot in spots)
        _sites.extend([0] * len(spots))
        fields.extend(names)
        updatable.extend([NOT_YET] * len(names))
        if core is not None:
            core.add_spots(names)
    return first


_named: dict[tuple[int, str], int] = {}


def named(spot: int, name: str) -> int:
    """The spot of an access whose attribute has a name that is computed: one for each name."""
    known = _named.get((spot, name))
    if known is None:
        with objects.lock:
            known = _named.get((spot, name))
            if known is None:
                path, place = _spots[spot]
                known = _named[spot, name] = register(path, [place._replace(field=name)])
    return known


def site_of(spot: int) -> int:
    """The site of a spot, which no other spot has. Two threads may define it twice: each is good."""
    site = _sites[spot]
    if not site:
        path, (line, function, field, what) = _spots[spot]
        site = next(numbering.site_numbers)
        segment.current.define(segment.TAG_SITE, site, line, path, function)
        segment.current.define(TAG_SPOT, site, int(what), field)
        _sites[spot] = site
    return site


def plainly(actor: Actor, kind: Kind, thing: Any, spot: int, key: int, does: Callable[..., Any], *arguments: Any) -> Any:
    """Do what accesses plain data, record and access in one step. Raises: what it raises, which was an access too.

    Without the core, and without the GIL, all hooks do so under `objects.lock`. Else others take no lock: `does` is a function in
    C, and one in C writes the record and calls it, so that with the GIL nobody comes in between.
    """
    following = actor.following
    if following is not None:
        return _follow(actor, following, kind, thing, spot, key, does, arguments, plain=True)
    if actor.rest is not None:
        actor.look()
    number, site = number_of(actor, thing), _sites[spot] or site_of(spot)
    reserve, buffer = actor.chunk
    try:
        slot = reserve()
    except StopIteration:
        reserve, buffer = actor.renew()
        slot = reserve()
    if _LOCKED:
        with objects.lock:
            kept = _kept(does, arguments)
            _pack(buffer, slot, key << 32, number, site, 0, kind, 0, now())
            result = does(*arguments)
        del kept
        return result
    results: list[Any] = []
    committed = map(pack_record, (buffer,), (slot,), (pack_head(key << 32, number, site, 0, kind, 0),), _moments)
    results.extend(chain(committed, _updates(*arguments) if does is updated else starmap(call, ((does, *arguments),))))
    return results[1]


def _updates(load: Callable[..., Any], store: Callable[..., Any], place: tuple[Any, ...], op: int, value: Any) -> Iterator[None]:
    """As `updated`, all in C, once the next one is asked for."""
    return map(store, *((part,) for part in place), map(UPDATES[op], starmap(load, (place,)), (value,)))


NOT_YET: Final = (None, None, b"")
updatable: "list[tuple[type | None, Any, bytes]]" = []
"""In pure Python, per spot a type whose objects have the attribute themselves, read or written; then the object that was updated
there last, as it is known, and the head of its record."""


def kept_attr(thing: Any, name: str) -> Any:
    """What an object has under this name, if it has it itself."""
    try:
        names = own_dict(thing)
        return object.__getattribute__(thing, name) if names is None else names.get(name)
    except (AttributeError, ValueError):  # an empty cell
        return None


def kept_item(thing: Any, key: Any) -> Any:
    """What a container has for this key."""
    try:
        return dict.get(thing, key) if isinstance(thing, dict) else thing[key]
    except (LookupError, TypeError, ValueError):
        return None


_REPLACE: Final[dict[Any, Callable[[Any, Any], Any]]] = {
    **dict.fromkeys((setattr, delattr), kept_attr),
    **dict.fromkeys((setitem, delitem), kept_item),
}
_DROPS: Final = frozenset({"clear", "update", "extend", "extendleft"})


def _kept(does: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What is about to be replaced or dropped: its finaliser is to run behind the access, not within. Asked for in its turn."""
    replaced = _REPLACE.get(does) if type(does) is BuiltinFunctionType else None
    if replaced is not None:
        return replaced(arguments[0], arguments[1])
    if getattr(does, "__name__", "") in _DROPS:
        thing: Any = getattr(does, "__self__", ())
        return list(thing.values() if isinstance(thing, dict) else thing)
    return None


def updated(load: Callable[..., Any], store: Callable[..., Any], place: tuple[Any, ...], op: int, value: Any) -> None:
    """What an augmented assignment does in one step."""
    store(*place, UPDATES[op](load(*place), value))


def by_class(actor: Actor, cls: type, thing: Any, spot: int, name: str) -> Any:
    """Read an attribute that the class has and the object may have: both are places, read in one step, the object's first.

    Who writes either of them decides what is found: one of the two may be in the trace, or both, or none. Which it was is not
    asked: that would have to be asked again in a replay, at some other moment. For the same reason the object goes first: what an
    update does is seen from the next access that the trace has, which is then no place of the class that it left out.
    """
    following = actor.following
    if following is not None:
        return _follow_both(actor, following, cls, thing, spot, name)
    if actor.rest is not None:
        actor.look()
    site = _sites[spot] or site_of(spot)
    heads = [pack_head(0, number_of(actor, whose), site, 0, Kind.LOAD, 0) for whose in (thing, cls)]
    slots = []
    for _ in heads:
        reserve, buffer = actor.chunk
        try:
            slots.append((buffer, reserve()))
        except StopIteration:
            reserve, buffer = actor.renew()
            slots.append((buffer, reserve()))
    (one, one_at), (other, other_at) = slots
    results: list[Any] = []
    with objects.lock:
        committed = map(pack_record, (one, other), (one_at, other_at), heads, _moments)
        results.extend(chain(committed, starmap(call, ((getattr, thing, name),))))
    return results[2]


def _follow_both(actor: Actor, following: Any, cls: type, thing: Any, spot: int, name: str) -> Any:
    if not is_next(actor, Kind.LOAD):
        if following.left:
            following.left -= 1  # that of the object
        return _follow(actor, following, Kind.LOAD, cls, spot, 0, getattr, (thing, name), plain=True)
    number, skipped, site = following.access_object, following.access_skipped, site_of(spot)
    gate = gates.current
    gate.enter(actor, Kind.LOAD, number, site)
    objects.describe_once(actor, number, thing)
    following.find_access()
    if not following.left:
        gate.leave(actor, Kind.LOAD, number, site, skipped)
        return _follow(actor, following, Kind.LOAD, cls, spot, 0, getattr, (thing, name), plain=True)
    following.left -= 1  # that of the class
    try:
        return getattr(thing, name)
    finally:
        gate.leave(actor, Kind.LOAD, number, site, skipped)


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
    if following.left <= 0:
        following.come_to_access(actor)
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
    kept = _kept(does, arguments)
    try:
        return does(*arguments)
    finally:
        gate.leave(actor, kind, number, site, key << 32 | skipped)
        del kept


def is_next(actor: Actor, kind: Kind) -> bool | None:
    """Whether the access at hand is in the trace, as one of this kind; None where it is not, or where nothing is replayed."""
    following = actor.following
    if following is None:
        return None
    if following.left <= 0:
        following.come_to_access(actor)
    return None if following.left else following.access_kind == kind
