"""The same as `fasttrack` by the core in C: what it is given, and what it found."""

from __future__ import annotations

from array import array
from functools import cache
from typing import Any

from simcore.analysis.atomic import UNKNOWN
from simcore.analysis.happens import Happens
from simcore.analysis.places import Places
from simcore.analysis.slots import hosts
from simcore.analysis.tracked import Pair, Tracked
from simcore.trace.model import Trace


def track_in_core(
    core: Any, trace: Trace, places: Places, happens: Happens, what_of: dict[int, int], most_checks: int, most_pairs: int
) -> Tracked:
    """As `fasttrack.track`. What the core does not know of a place, or an event, it asks of `places` and `happens`."""

    def describe(key: int) -> int:
        return places.is_loose(key) + 2 * (places.item(key)[:1] == UNKNOWN)

    @cache
    def touch(item: int, site: int, what: int, its_item: int, its_site: int, its_what: int) -> bool:
        return places.touch(places.item(item << 32), site, what, places.item(its_item << 32), its_site, its_what)

    c = trace.columns
    found = Tracked(places, hosts(trace))
    tables = (
        bytes(what_of.get(kind, 0) for kind in range(256)),
        array("I", found.actor_of),
        array("I", happens.actor_of),
        happens.plain(),
        bytes(thing in places.whole_in for thing in range(len(trace.objects))),
        array("I", places.line_of),
        bytes(site in places.skipped for site in range(len(trace.sites))),
        array("q", sorted(happens.marks)),
    )
    asked = (
        *(happens.handlers, happens.begins),
        *(places.key_of, places.began_import, describe, places.group, places.is_untold, touch),
    )
    found.accesses, found.looked_at, complete, pairs, untold = core.fasttrack(
        (c.actor, c.kind, c.object, c.site, c.value), tables, happens.shared, asked, (len(trace.texts), most_checks, most_pairs)
    )
    found.complete = bool(complete)
    for sites, first, times, whats, is_sure, keys in pairs:
        met = {(what >> 2, what & 3) for what in range(16) if whats >> what & 1}
        found.pairs[sites] = Pair(first, times, set(keys), met, not is_sure)
    found.untold.update(untold)
    return found
