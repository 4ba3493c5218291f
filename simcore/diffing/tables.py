"""Two traces under one numbering: actors and objects by name, texts by content.

The numbers of A are kept; what only B has is numbered after them.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from simcore.diffing.methods import names_across_methods, other_methods, without_methods
from simcore.diffing.places import names_of_places
from simcore.diffing.spans import Told
from simcore.trace.events import PLACE_KINDS, ObjectKind
from simcore.trace.model import ActorInfo, Site

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def without_addresses(text: str) -> str:
    """The text with the addresses of default reprs (`<Lock at 0x7f3a>`) blanked: they differ between any two runs."""
    return _ADDRESS.sub(" at 0x", text) if " at 0x" in text else text


def as_text(text: str | bytes) -> str:
    """Bytes as the text they most likely are."""
    return text if isinstance(text, str) else text.decode("utf-8", "backslashreplace")


def _numbered(names: Iterable[str]) -> list[tuple[str, int]]:
    """Every name with how often it came before: a damaged table with twins in it still matches itself."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.append((name, count))
    return result


def match(names_a: Sequence[str], names_b: Sequence[str]) -> tuple[list[int], int]:
    """For every entry of B its number in the common numbering, and how many numbers there are."""
    known = {key: index for index, key in enumerate(_numbered(names_a))}
    numbers = [known.setdefault(key, len(known)) for key in _numbered(names_b)]
    return numbers, len(known)


class Thing(NamedTuple):
    """An object as a person knows it; `name` agrees between runs, `label` is what the program calls it."""

    name: str
    label: str
    kind: ObjectKind
    site: Site


class Tables:
    """The common numbering. `actor_b` and `object_b` translate B's indexes; A's stand as they are."""

    def __init__(self, told_a: Told, told_b: Told) -> None:
        self.told_a, self.told_b = told_a, told_b
        a, b = self.a, self.b = told_a.trace, told_b.trace
        self.actor_b, self.actors = match([info.name for info in a.actors], [info.name for info in b.actors])
        self.methods = other_methods(a, b)
        names_a, names_b = told_a.names, told_b.names
        if self.methods and told_a.places is None:
            names_a, names_b = (names_across_methods(trace, self.methods) for trace in (a, b))
        if told_a.places is None:
            names_a, names_b = names_of_places(a, b, names_a, names_b)
        self.object_b, self.objects = match(names_a, names_b)
        self.actor_a, self.object_a = list(range(len(a.actors))), list(range(len(a.objects)))
        self._object_homes = {number: index for index, number in enumerate(self.object_b)}
        homes = set(self.object_b)
        self.lone = frozenset(
            number
            for trace, numbers, others in ((a, self.object_a, homes), (b, self.object_b, set(self.object_a)))
            for number, info in zip(numbers, trace.objects, strict=True)
            if info.kind in PLACE_KINDS and number not in others
        )
        """Places that only one of the two has: in the other run one actor at most touched them, or nobody wrote there."""
        self.waiters, self.children = self._of_kind(ObjectKind.WAITER), self._of_kind(ObjectKind.CHILD)
        texts: dict[str | bytes, int] = {}
        self.text_a, self.text_b = self._numbers(a.texts, texts), self._numbers(b.texts, texts)

    def _of_kind(self, kind: ObjectKind) -> frozenset[int]:
        """The common numbers of all objects of a kind."""
        return frozenset(
            number
            for trace, numbers in ((self.a, self.object_a), (self.b, self.object_b))
            for number, info in zip(numbers, trace.objects, strict=True)
            if info.kind is kind
        )

    def comparable(self, text: str) -> str:
        """A text without what differs between any two runs, or between these two ways of starting processes."""
        text = without_addresses(text)
        return without_methods(text) if self.methods else text

    def _numbers(self, texts: Sequence[str | bytes], known: dict[str | bytes, int]) -> list[int]:
        """Per text its number, equal for equal ones; new ones are added to `known`."""
        return [known.setdefault(self.comparable(text) if isinstance(text, str) else text, len(known)) for text in texts]

    def tag_b(self, tag: int) -> int:
        """The tag of an item in B as A would write it: its upper half is the actor that put it."""
        actor = tag >> 32
        return (self.actor_b[actor] << 32) | (tag & 0xFFFFFFFF) if 0 <= actor < len(self.actor_b) else tag

    def thing(self, obj: int) -> Thing:
        """The object with this common number, as A has it where A does."""
        trace, index = (self.a, obj) if obj < len(self.a.objects) else (self.b, self._object_homes[obj])
        info = trace.objects[index]
        return Thing(trace.object_names[index], trace.object_labels[index], info.kind, trace.sites[info.site])

    def actor(self, actor: int) -> ActorInfo:
        """The actor with this common number, as A has it where A does."""
        return self.a.actors[actor] if actor < len(self.a.actors) else self.b.actors[self.actor_b.index(actor)]

    def text(self, number: int) -> str:
        """A text with this common number."""
        trace, numbers = (self.a, self.text_a) if number in self.text_a else (self.b, self.text_b)
        return as_text(trace.texts[numbers.index(number)]) if number in numbers else "?"

    def sites(self) -> tuple[list[int], list[int]]:
        """Per site of A and per site of B a number that is equal for equal places."""
        known: dict[Site, int] = {}
        first, second = ([known.setdefault(site, len(known)) for site in trace.sites] for trace in (self.a, self.b))
        return first, second


def translated(column: array[int], numbers: Sequence[int]) -> array[int]:
    """A column of indexes in the common numbering."""
    return array("I", map(numbers.__getitem__, column))
