"""Which accesses of a run its trace keeps, and the places that they act on.

The runtime numbers objects and says of each site what it accesses; a place is an attribute of one object, a variable, or a container.
Kept is what two actors touched and one of them wrote: nothing else can depend on the order. What is left out is counted, for a replay
counts along (`events.accessed`). Whoever touches a place first counts as its creator.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from simcore.engine.records import RawRecord, Records
from simcore.engine.segments import Definitions
from simcore.runtime.access.objects import INTEGER
from simcore.runtime.access.spots import What
from simcore.trace.events import ACCESS_KINDS, PLACE_KINDS, Kind, ObjectKind

FIRST_PLACE: Final = 1 << 40
"""Numbers of places in the run are from here on: the runtime's own are smaller."""

_KINDS: Final = {What.ATTRIBUTE: ObjectKind.ATTRIBUTE, What.GLOBAL: ObjectKind.GLOBAL, What.CELL: ObjectKind.CELL}

_Key = tuple[str, int, str]
"""Process, number of the object, field; of an item none."""


class _Place:
    """What is known of a place: the kind that it is, who touched it first, whether others did, and whether anybody wrote."""

    __slots__ = ("actor", "number", "shared", "site", "stamp", "what", "written")

    def __init__(self, stamp: int, actor: int, site: int, what: What) -> None:
        self.stamp, self.actor, self.site, self.what = stamp, actor, site, what
        self.shared = self.written = False
        self.number = 0


class Made(NamedTuple):
    """A place as if it had been created, with its label."""

    stamp: int
    actor: int
    kind_and_n: int
    site: int
    label: str


class Accesses:
    """The accesses of a run. In a replay (`all_kept`) only those that the trace has were recorded."""

    def __init__(
        self, records: Mapping[int, Records], definitions: Definitions, process: Mapping[int, str], *, all_kept: bool
    ) -> None:
        self._definitions, self._process, self._all_kept = definitions, process, all_kept
        self._places: dict[_Key, _Place] = {}
        self._texts: dict[int, int] = {}
        self._about: dict[int, tuple[ObjectKind, str]] = {}
        if not definitions.spots:
            return
        kinds = [int(kind) for kind in ACCESS_KINDS]
        for actor, found in records.items():
            for made in found.of_kinds((Kind.CREATE,)):
                if made[0] >> 32 in PLACE_KINDS:
                    self._about[made[1]] = (ObjectKind(made[0] >> 32), definitions.words.get(made[0] & 0xFFFFFFFF, ""))
            for record in found.of_kinds(kinds):
                self._touch(actor, record)

    def _key(self, actor: int, record: RawRecord) -> tuple[_Key, What]:
        what, field = self._definitions.spots.get(record[2], (int(What.ITEM), ""))
        is_item = what in (What.ITEM, What.METHOD, What.WHOLE)
        return (self._process.get(actor, ""), record[1], "" if is_item else field), What(what)

    def _touch(self, actor: int, record: RawRecord) -> None:
        key, what = self._key(actor, record)
        place, stamp = self._places.get(key), record[6]
        if place is None:
            place = self._places[key] = _Place(stamp, actor, record[2], what)
        elif place.actor != actor:
            place.shared = True
        if stamp < place.stamp:
            place.stamp, place.actor, place.site, place.what = stamp, actor, record[2], what
        if record[4] != Kind.LOAD:
            place.written = True

    def made(self) -> dict[int, Made]:
        """The places that are kept, by numbers that are given to them now."""
        counts: dict[tuple[int, ObjectKind], int] = {}
        result = {}
        kept = [item for item in self._places.items() if self._all_kept or (item[1].shared and item[1].written)]
        for index, ((_, number, field), place) in enumerate(sorted(kept, key=lambda item: item[1].stamp)):
            about, owner = self._about.get(number, (ObjectKind.ATTRIBUTE, ""))
            kind = _KINDS.get(place.what, ObjectKind.ITEMS)
            if kind is ObjectKind.ATTRIBUTE and about is ObjectKind.GLOBAL:
                kind = about  # a module's variable, by way of the module
            n = counts[place.actor, kind] = counts.get((place.actor, kind), 0) + 1
            label = f"{owner}.{field}" if kind is ObjectKind.ATTRIBUTE else field or owner
            place.number = FIRST_PLACE + index
            result[place.number] = Made(place.stamp, place.actor, kind << 32 | n, place.site, label)
        return result

    def kept(self, actor: int, records: Iterable[RawRecord]) -> Iterable[RawRecord]:
        """The records of an actor, without the accesses that are left out; the others act on places and count those."""
        skipped = 0
        for record in records:
            value, kind = record[0], record[4]
            if kind not in ACCESS_KINDS:
                if kind != Kind.CREATE or value >> 32 not in PLACE_KINDS:
                    yield record
                continue
            place = self._places[self._key(actor, record)[0]]
            if not place.number:
                skipped += 1
                continue
            if not self._all_kept:
                value |= skipped
            skipped = 0
            yield (value, place.number, *record[2:])

    def text(self, key: int) -> str:
        """The text for a record's key."""
        return str(key - INTEGER) if key >= INTEGER else self._definitions.words.get(key, "?")
