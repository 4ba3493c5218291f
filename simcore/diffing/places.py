"""Which place of A is which place of B, in traces with accesses to data.

A trace numbers a place by who touched it first, and keeps it only if two actors touched it: both are matters of the schedule.
So places are matched by what they are called, and by who touched them first only among several that are called alike.
"""

from __future__ import annotations

from collections import Counter

from simcore.trace.events import PLACE_KINDS, ObjectKind
from simcore.trace.model import Trace


def place_names(trace: Trace) -> dict[int, tuple[str, str]]:
    """Per place a name with who touched it first in it, and one without; both are counted through among equal ones.

    A container has no name of its own: it is called by its type and the function of the topmost line that accesses it.
    """
    places = [(index, info) for index, info in enumerate(trace.objects) if info.kind in PLACE_KINDS]
    if not places:
        return {}
    tops: dict[int, tuple[str, int, str]] = {}
    for obj, number in set(zip(trace.columns.object, trace.columns.site, strict=True)):
        if trace.objects[obj].kind is ObjectKind.ITEMS:
            site = trace.sites[number]
            top = (site.file, site.line, site.function)
            tops[obj] = min(tops.get(obj, top), top)
    found = {}
    seen: Counter[str] = Counter()
    for index, info in places:
        called = f"{info.kind.name.lower()}:{info.label}" + (f" in {tops[index][2]}" if index in tops else "")
        names = f"{trace.actors[info.creator].name}:{called}", f"{trace.processes[info.creator]}:{called}"
        numbered = []
        for which, name in zip(("by", "in"), names, strict=True):
            seen[which + name] += 1
            numbered.append(f"{which} {name} {seen[which + name]}")
        found[index] = (numbered[0], numbered[1])
    return found


def names_of_places(a: Trace, b: Trace, names_a: list[str], names_b: list[str]) -> tuple[list[str], list[str]]:
    """The names of both traces' objects, equal for places that are most likely the same ones."""
    places_a, places_b = place_names(a), place_names(b)
    if not places_a and not places_b:
        return names_a, names_b
    names_a, names_b = list(names_a), list(names_b)
    for names, places in ((names_a, places_a), (names_b, places_b)):
        for index, (name, _) in places.items():
            names[index] = name
    both = {name for name, _ in places_a.values()} & {name for name, _ in places_b.values()}
    left = _left(places_a, both), _left(places_b, both)
    for called, homes in left[0].items():
        for one, other in zip(homes, left[1].get(called, ()), strict=False):
            names_b[other] = names_a[one]
    return names_a, names_b


def _left(places: dict[int, tuple[str, str]], both: set[str]) -> dict[str, list[int]]:
    """The places that are not in both by their first name, by what they are called otherwise."""
    found: dict[str, list[int]] = {}
    for index, (name, other) in places.items():
        if name not in both:
            found.setdefault(other.rpartition(" ")[0], []).append(index)
    return found
