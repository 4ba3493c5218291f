"""From the run's own numbers of objects and sites to the tables of a trace, and the names of the objects in them."""

from array import array
from collections.abc import Mapping

from simcore.engine.labels import Labels, Place
from simcore.engine.rows import Rows
from simcore.engine.segments import Definitions
from simcore.engine.source_files import SourceFiles
from simcore.trace.events import FIXED_OBJECTS, SHARED_KINDS, ObjectKind
from simcore.trace.model import ObjectInfo, Site, Trace, process_of


class Tables:
    """Turns the run's own numbers of objects and sites into indices of the trace's tables, used ones only, as they come."""

    def __init__(
        self,
        definitions: Definitions,
        created: dict[int, tuple[int, int, int, int, int]],
        actor_ids: dict[int, int],
        files: SourceFiles,
    ) -> None:
        self._definitions, self._created, self._actor_ids = definitions, created, actor_ids
        self.sites = [Site("", 0, "")]
        self._site_ids = {0: 0}
        self._by_site: dict[Site, int] = {self.sites[0]: 0}
        self.object_ids: dict[int | tuple[int, str], int] = {number: number for number in range(len(FIXED_OBJECTS))}
        self._homes: dict[int, str] = {}
        self._files = files

    def copied(self, process: dict[int, str]) -> bool:
        """Whether a forked child may have copies of objects: there is another process. `process` is that of each actor."""
        if len(set(process.values())) < 2:
            return False
        self._homes = {
            number: process.get(actor, "")
            for number, (_, actor, kind_and_n, _, _) in self._created.items()
            if ObjectKind(kind_and_n >> 32) not in SHARED_KINDS
        }
        return True

    def own_object(self, number: int, process: str) -> int:
        """The object by this number that a process has: the one itself, or the copy that came with a fork."""
        if self._homes.get(number, process) == process:
            return self.object(number)
        known = self.object_ids.get((number, process))
        if known is None:
            known = self.object_ids[number, process] = len(self.object_ids)
        return known

    def site(self, number: int) -> int:
        known = self._site_ids.get(number)
        if known is None:
            file, line, function = self._definitions.sites.get(number, ("", 0, ""))
            site = Site(file, line, function)
            known = self._by_site.get(site)
            if known is None:
                known = self._by_site[site] = len(self.sites)
                self.sites.append(site)
            self._site_ids[number] = known
        return known

    def object(self, number: int) -> int:
        known = self.object_ids.get(number)
        if known is None:
            known = self.object_ids[number] = len(self.object_ids)
        return known

    def objects_of(self, rows: Rows, process: Mapping[int, str] | None) -> "array[int]":
        """What the rows act on. `process` is that of each actor, where forked children may have copies."""
        if process is None:
            known = {number: self.object(number) for number in dict.fromkeys(rows.objects)}
            return array("I", map(known.__getitem__, rows.objects))
        pairs = list(zip(rows.objects, rows.actors, strict=True))
        own = {(number, actor): self.own_object(number, process.get(actor, "")) for number, actor in dict.fromkeys(pairs)}
        return array("I", map(own.__getitem__, pairs))

    def sites_of(self, rows: Rows) -> "array[int]":
        """Where the rows were recorded."""
        known = {number: self.site(number) for number in dict.fromkeys(rows.sites)}
        return array("I", map(known.__getitem__, rows.sites))

    def objects(self) -> list[ObjectInfo]:
        result = [ObjectInfo(0, kind, 1, 0, label) for kind, label in FIXED_OBJECTS]
        for key in list(self.object_ids)[len(FIXED_OBJECTS) :]:
            number, process = key if isinstance(key, tuple) else (key, "")
            _, actor, kind_and_n, site, _ = self._created.get(number, (0, 0, int(ObjectKind.NONE) << 32, 0, 0))
            kind, n = ObjectKind(kind_and_n >> 32), kind_and_n & 0xFFFFFFFF
            result.append(ObjectInfo(self._actor_ids.get(actor, 0), kind, n, self.site(site), "", process))
        return result

    def places(self) -> list[tuple[int, int, int, Place]]:
        """For each object of the program: when it was made, its index, by which actor, where.

        What nobody used is not in the trace (index -1), but counts among what was made on its line: of three locks in a list of
        which only the last was taken, that one is the third.
        """
        result = []
        told = set()
        made = set()
        for key, index in self.object_ids.items():
            number = key[0] if isinstance(key, tuple) else key
            if number in told or (isinstance(key, tuple) and number in self.object_ids):
                continue  # a copy is called as its original is; of one that nobody used the first copy stands for it
            if number in self._created and index >= len(FIXED_OBJECTS):
                told.add(number)
                made.add(self._created[number][3:])
                result.append(self._place(number, index))
        unused = (number for number, one in self._created.items() if number not in told and one[3:] in made)
        result += [self._place(number, -1) for number in unused]
        return sorted(result, key=lambda item: item[:2])

    def _place(self, number: int, index: int) -> tuple[int, int, int, Place]:
        stamp, actor, kind_and_n, site, inner = self._created[number]
        file, line, _ = self._definitions.sites.get(site, ("", 0, ""))
        within = self._definitions.sites.get(inner)
        whole = kind_and_n >> 32 in _WHOLE
        inside = within[:2] if within is not None and (not whole or kind_and_n >> 32 == ObjectKind.PQUEUE) else None
        place = Place((file, line), inside, whole, ObjectKind(kind_and_n >> 32))
        return stamp, index, self._actor_ids.get(actor, 0), place


_WHOLE = frozenset(
    {
        *(ObjectKind.PQUEUE, ObjectKind.SHARED, ObjectKind.LISTENER),
        *(ObjectKind.POOL, ObjectKind.MANAGER, ObjectKind.PROXY),
    }
)
"""What the program makes as such, though it is the library that numbers it: named as the program does, without a name within.

Only of queues the library makes some for itself: `pool.inqueue`.
"""


def label(trace: Trace, tables: Tables, files: SourceFiles) -> None:
    labels = Labels(files.read)
    for site in trace.sites:
        if site.line:
            files.digest(site.file)
    places: dict[str, list[tuple[int, Place]]] = {}
    for _, index, creator, place in tables.places():
        # Each process counts for itself: which of two made its `lock` first is luck, and none of its name.
        maker = process_of(trace.actors[creator].name)
        places.setdefault(maker, []).append((index, place))
    for made in places.values():
        for (index, _), label in zip(made, labels.label(place for _, place in made), strict=True):
            if index < 0:
                continue
            info = trace.objects[index]
            if info.kind not in (ObjectKind.WAITER, ObjectKind.THREAD, ObjectKind.CHILD):
                trace.objects[index] = info._replace(label=label)
    known = {info[:3]: info.label for info in trace.objects if info.label}
    for index, info in enumerate(trace.objects):
        if info.process:
            trace.objects[index] = info._replace(label=known.get(info[:3], ""))
