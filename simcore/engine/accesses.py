"""Which accesses of a run its trace keeps, and the places that they act on.

The runtime numbers objects and says of each site what it accesses; a place is an attribute of one object, a variable, or a
container. Kept is what two actors touched and one of them wrote: nothing else can depend on the order. What is left out is
counted, for a replay counts along (`events.accessed`). Whoever touches a place first counts as its creator.

What interrupts an actor between two accesses, garbage and signals, counts them too (`events.interrupted`). Garbage is what all
threads have dropped: the access at which an actor was held up meanwhile is kept, whatever it acts on, so that a replay holds it
up there.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate, chain, compress, repeat
from operator import and_, gt, sub
from typing import Final, NamedTuple

from simcore.engine.records import Block, Records
from simcore.engine.segments import Definitions
from simcore.runtime.access.objects import INTEGER
from simcore.runtime.access.spots import What
from simcore.trace.events import ACCESS_KINDS, AT_REST, INTERRUPTIONS, PLACE_KINDS, Kind, ObjectKind

FIRST_PLACE: Final = 1 << 40
"""Numbers of places in the run are from here on: the runtime's own are smaller."""

_KINDS: Final = {What.ATTRIBUTE: ObjectKind.ATTRIBUTE, What.GLOBAL: ObjectKind.GLOBAL, What.CELL: ObjectKind.CELL}
_ITEMS: Final = frozenset({What.ITEM, What.METHOD, What.WHOLE})
ASIDE: Final = frozenset({Kind.CREATE, Kind.SPAN})
"""Records that are no events: an object that an access meets is recorded just before."""

_IS_EVENT: Final = bytes(kind not in ASIDE for kind in range(256))
_IS_ACCESS: Final = bytes(kind in ACCESS_KINDS for kind in range(256))
_INTERRUPTS: Final = bytes(kind in INTERRUPTIONS for kind in range(256))
_COUNTS: Final = bytes(kind in ACCESS_KINDS | INTERRUPTIONS for kind in range(256))
_NOT: Final = bytes([1]) + bytes(255)

_Key = tuple[str, int, str]
"""Process, number of the object, field; of an item none."""


class _Place:
    """What is known of a place: who touched it first, and where, whether others did, and whether anybody wrote."""

    __slots__ = ("actor", "held", "number", "shared", "site", "stamp", "written")

    def __init__(self, stamp: int, actor: int, site: int) -> None:
        self.stamp, self.actor, self.site = stamp, actor, site
        self.shared = self.written = False
        self.held = False  # an actor was held up at an access to it
        self.number = 0

    def hold(self, stamp: int, actor: int, site: int) -> None:
        """An actor was held up at an access to it. Where only those are kept, a replay knows of no others."""
        if not self.is_kept and (not self.held or stamp < self.stamp):
            self.stamp, self.actor, self.site = stamp, actor, site
        self.held = True

    @property
    def is_kept(self) -> bool:
        """Whether all accesses to it are kept."""
        return self.shared and self.written


class Made(NamedTuple):
    """A place as if it had been created, with its label."""

    stamp: int
    actor: int
    kind_and_n: int
    site: int
    label: str


class Sifted(NamedTuple):
    """Some records of one actor: which of them are events that a trace keeps, marked with 1, on what, and their values."""

    block: Block
    kept: bytes
    objects: "array[int]"
    values: "array[int]"


class Accesses:
    """The accesses of a run. In a replay (`all_kept`) only those that the trace has were recorded."""

    def __init__(
        self, records: Mapping[int, Records], definitions: Definitions, process: Mapping[int, str], *, all_kept: bool
    ) -> None:
        self._definitions, self._process, self._all_kept = definitions, process, all_kept
        self._places: dict[_Key, _Place] = {}
        self._about: dict[int, tuple[ObjectKind, str]] = {}
        self._held: set[tuple[int, int]] = set()
        """Accesses at which an actor was held up, by actor and index of the record."""
        if not definitions.spots:
            return
        for actor, found in records.items():
            for made in found.of_kinds((Kind.CREATE,)):
                if made[0] >> 32 in PLACE_KINDS:
                    self._about[made[1]] = (ObjectKind(made[0] >> 32), definitions.words.get(made[0] & 0xFFFFFFFF, ""))
            for block in found.blocks():
                for (number, site, kind), index in _first_of_each(block).items():
                    self._touch(self._key(actor, number, site), actor, site, kind, block[index][6])
        if not all_kept:
            self._hold(records)

    def _hold(self, records: Mapping[int, Records]) -> None:
        """Find the accesses at which actors were held up while another looked for garbage."""
        looked: dict[str, list[tuple[int, int]]] = {}
        for actor, found in records.items():
            moments = looked.setdefault(self._process.get(actor, ""), [])
            moments += [(record[6], actor) for record in found.of_kinds((Kind.GC,)) if record[0] & AT_REST]
        for actor, found in records.items():
            since = [stamp for stamp, other in looked[self._process.get(actor, "")] if other != actor]
            stamps = found.stamps() if since else ()
            for index in {bisect_right(stamps, stamp) for stamp in since}:
                while index < len(stamps) and found[index][4] in ASIDE:
                    index += 1
                if index < len(stamps) and (record := found[index])[4] in ACCESS_KINDS:
                    self._held.add((actor, index))
                    self._places[self._key(actor, record[1], record[2])].hold(stamps[index], actor, record[2])

    def _key(self, actor: int, number: int, site: int) -> _Key:
        what, field = self._definitions.spots.get(site, (int(What.ITEM), ""))
        return self._process.get(actor, ""), number, "" if what in _ITEMS else field

    def _touch(self, key: _Key, actor: int, site: int, kind: int, stamp: int) -> None:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _Place(stamp, actor, site)
        elif place.actor != actor:
            place.shared = True
        if stamp < place.stamp:
            place.stamp, place.actor, place.site = stamp, actor, site
        if kind != Kind.LOAD:
            place.written = True

    def made(self) -> dict[int, Made]:
        """The places that are kept, by numbers that are given to them now."""
        counts: dict[tuple[int, ObjectKind], int] = {}
        result = {}
        kept = [item for item in self._places.items() if self._all_kept or item[1].is_kept or item[1].held]
        for index, ((_, number, field), place) in enumerate(sorted(kept, key=lambda item: item[1].stamp)):
            about, owner = self._about.get(number, (ObjectKind.ATTRIBUTE, ""))
            what = What(self._definitions.spots.get(place.site, (int(What.ITEM), ""))[0])
            kind = _KINDS.get(what, ObjectKind.ITEMS)
            if kind is ObjectKind.ATTRIBUTE and about is ObjectKind.GLOBAL:
                kind = about  # a module's variable, by way of the module
            n = counts[place.actor, kind] = counts.get((place.actor, kind), 0) + 1
            label = f"{owner}.{field}" if kind is ObjectKind.ATTRIBUTE else field or owner
            place.number = FIRST_PLACE + index
            result[place.number] = Made(place.stamp, place.actor, kind << 32 | n, place.site, label)
        return result

    def sifted(self, actor: int, records: Records) -> Iterator[Sifted]:
        """The records of an actor, without the accesses that are left out; the others act on places and count those."""
        places: dict[tuple[int, int], int] = {}
        total = at_last = first = 0
        held = sorted(index for whose, index in self._held if whose == actor)
        for block in records.blocks():
            is_event = block.kinds.translate(_IS_EVENT)
            if not self._definitions.spots:
                yield Sifted(block, is_event, block.objects, block.values())
                continue
            on = list(zip(block.objects, block.sites, strict=True))
            is_access = block.kinds.translate(_IS_ACCESS)
            for number, site in set(compress(on, is_access)) - places.keys():
                place = self._places[self._key(actor, number, site)]
                places[number, site] = place.number if self._all_kept or place.is_kept else 0
            is_left_out = bytearray(map(gt, is_access, map(places.get, on, repeat(1))))
            objects = array("q", map(places.get, on, block.objects))
            for index in held[bisect_left(held, first) : bisect_left(held, first + len(on))]:
                index -= first
                is_left_out[index] = 0
                objects[index] = self._places[self._key(actor, *on[index])].number
            first += len(on)
            for index in compress(range(len(on)), is_access.translate(_NOT)):
                objects[index] = block.objects[index]
            kept, values = bytes(map(gt, is_event, is_left_out)), block.values()
            if not self._all_kept:
                left_out = list(accumulate(is_left_out, initial=total))
                total = left_out[-1]
                counting = bytes(map(and_, kept, block.kinds.translate(_COUNTS)))
                counted = list(compress(left_out, counting))
                since = list(map(sub, counted, chain((at_last,), counted)))
                for index, number in compress(zip(compress(range(len(on)), counting), since, strict=True), since):
                    values[index] |= number if is_access[index] else number << 32
                for index in compress(range(len(on)), block.kinds.translate(_INTERRUPTS)):
                    values[index] += 1 << 32
                at_last = counted[-1] if counted else at_last
            yield Sifted(block, kept, objects, values)

    def text(self, key: int) -> str:
        """The text for a record's key."""
        return str(key - INTEGER) if key >= INTEGER else self._definitions.words.get(key, "?")


def _first_of_each(block: Block) -> dict[tuple[int, int, int], int]:
    """Per object, site and kind of access the index of the first such record."""
    is_access = block.kinds.translate(_IS_ACCESS)
    indices = range(len(block.kinds) - 1, -1, -1)
    backwards = zip(reversed(block.objects), reversed(block.sites), reversed(block.kinds), strict=True)
    return dict(compress(zip(backwards, indices, strict=True), reversed(is_access)))
