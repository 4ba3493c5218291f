"""Which place an access touches: an attribute, a variable, an item of a container, the container as a whole, a shared value."""

from __future__ import annotations

from typing import Final

from simcore.analysis.atomic import ATOMIC, UNKNOWN, WHOLE, may_meet, method_of
from simcore.analysis.code import Code
from simcore.trace.events import ACCESS_KINDS, Kind, ObjectKind
from simcore.trace.model import Site, Trace

NOT_JUDGED: Final = -1
_MODULE: Final = "<module>"


class Places:
    """A place is a number, its key: the object in the lower half, which item of it in the upper one."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.code = Code(trace.sources)
        self._items = [""]
        self._numbers = {"": 0}
        self._of_text: dict[int, int] = {}
        self._of_shared: dict[tuple[int, int], int] = {}
        self._groups: dict[tuple[str, ObjectKind], int] = {}
        self._group_of: dict[int, int] = {}
        self._asks: dict[int, bool] = {}
        first: dict[Site, int] = {}
        self.line_of = [first.setdefault(site, number) for number, site in enumerate(trace.sites)]
        """Per site the first one with the same line and function: each access on a line has a site of its own."""
        self._is_shared = [info.kind is ObjectKind.SHARED for info in trace.objects]
        self.whole_in = self._find_wholes()
        """Containers of which the whole, or an item that nobody knows, was accessed."""
        self._imports = self._find_imports()
        """(actor, name of a module's file) to the position where the actor began to execute that module."""
        modules = {name for _, name in self._imports}
        self.skipped = {
            number: _stem(site.file)
            for number, site in enumerate(trace.sites)
            if site.function == _MODULE and _stem(site.file) in modules
        }

    def key_of(self, kind: int, thing: int, site: int, value: int) -> int:
        """The place of an access, or NOT_JUDGED."""
        if kind < Kind.LOAD:
            known = self._of_shared.get((thing, site))
            if known is None:
                known = self._of_shared[thing, site] = self._shared(thing, site)
            return known
        number = value >> 32
        if number <= 0:
            return thing
        item = self._of_text.get(number)
        if item is None:
            texts = self.trace.texts
            text = texts[number - 1] if number <= len(texts) else UNKNOWN
            item = self._of_text[number] = self._number(text if isinstance(text, str) else UNKNOWN)
        return item << 32 | thing

    def _number(self, item: str) -> int:
        number = self._numbers.get(item)
        if number is None:
            number = self._numbers[item] = len(self._items)
            self._items.append(item)
        return number

    def _shared(self, thing: int, site: int) -> int:
        """Of shared memory a trace has the object, not the item: that is in the line, if it is a number there."""
        if not self._is_shared[thing]:
            return NOT_JUDGED  # what a pool's or executor's own threads look at
        item = self.code.shared_item(self.trace.sites[site])
        return NOT_JUDGED if item is None else self._number(item) << 32 | thing

    def _find_wholes(self) -> frozenset[int]:
        trace, c = self.trace, self.trace.columns
        loose = {number + 1 for number, text in enumerate(trace.texts) if isinstance(text, str) and text[:1] in (WHOLE, UNKNOWN)}
        if not loose or not any(trace.objects[thing].kind is ObjectKind.ITEMS for thing in set(c.object)):
            return frozenset()
        kinds = {int(kind) for kind in ACCESS_KINDS}
        return frozenset(
            thing for kind, thing, value in zip(c.kind, c.object, c.value, strict=True) if kind in kinds and value >> 32 in loose
        )

    def _find_imports(self) -> dict[tuple[int, str], int]:
        c = self.trace.columns
        kinds = c.kind.tobytes()
        found: dict[tuple[int, str], int] = {}
        at = kinds.find(Kind.IMPORT)
        while at >= 0:
            number = c.value[at]
            text = self.trace.texts[number] if 0 <= number < len(self.trace.texts) else ""
            if isinstance(text, str) and "," not in text:
                found.setdefault((c.actor[at], text.rpartition(".")[2]), at)
            at = kinds.find(Kind.IMPORT, at + 1)
        return found

    def began_import(self, actor: int, site: int) -> int:
        """Where the actor began to execute the module of a site for all who import it: they wait until it has. If ever."""
        return self._imports.get((actor, self.skipped[site]), len(self.trace))

    def thing(self, key: int) -> int:
        """The object."""
        return key & 0xFFFFFFFF

    def item(self, key: int) -> str:
        """Which item of it: `'a'`, `*`, `* append`, `?`; empty where it has none."""
        return self._items[key >> 32]

    def is_loose(self, key: int) -> bool:
        """Whether it stands for more than one place: a whole container, or an item that nobody knows."""
        return self._items[key >> 32][:1] in (WHOLE, UNKNOWN) and not self._is_shared[key & 0xFFFFFFFF]

    def asks_for_item(self, site: int) -> bool:
        """Whether a line asks if something is in a container."""
        known = self._asks.get(site)
        if known is None:
            known = self._asks[site] = self.code.asks_for_item(self.trace.sites[site])
        return known

    def is_untold(self, key: int) -> bool:
        """Whether it is an item of shared memory, and the trace does not tell which."""
        return self._is_shared[key & 0xFFFFFFFF] and self._items[key >> 32] == UNKNOWN

    def group(self, key: int) -> int:
        """A number for all places that are called alike."""
        thing = key & 0xFFFFFFFF
        group = self._group_of.get(thing)
        if group is None:
            info = self.trace.objects[thing]
            name = (info.label or self.trace.object_names[thing], info.kind)
            group = self._group_of[thing] = self._groups.setdefault(name, len(self._groups))
        return group

    def touch(self, item: str, site: int, what: int, its_item: str, its_site: int, its_what: int) -> bool:
        """Whether accesses to the whole of a container, or to unknown items, can disturb each other ('': some item)."""
        if may_meet(item, its_item):
            return False
        for one, line, does, other in ((item, site, what, its_item), (its_item, its_site, its_what, item)):
            is_one_step = other[:1] != WHOLE or method_of(other) in ATOMIC
            if one[:1] == WHOLE and does == 1 and is_one_step and self.code.only_counts(self.trace.sites[line]):
                return False  # `len` does not look at the items
        return True


def _stem(file: str) -> str:
    """The name of a module's file, or of its folder for a package."""
    parts = file.removesuffix(".py").replace("\\", "/").split("/")
    return parts[-2] if parts[-1] == "__init__" and len(parts) > 1 else parts[-1]
