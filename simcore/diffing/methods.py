"""Two runs whose child processes were started in other ways: fork copies what its parent has, spawn makes it anew.

A lock made by a module is in a forked child a copy of its parent's, in a spawned one an object of its own, made when the child
imports the module. To the program both are the same thing, so they are compared with each other, and that is said once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from simcore.trace.events import SHARED_KINDS, Kind
from simcore.trace.model import ObjectInfo, Site, Trace, process_of
from simcore.trace.text import count, join, path_key

if TYPE_CHECKING:
    from simcore.diffing.tables import Tables

_NAME: Final = re.compile(r"\b(?:ForkServer|Fork|Spawn)(?=(?:Process|PoolWorker)-\d)")

_FEW: Final = 3


def other_methods(a: Trace, b: Trace) -> dict[str, tuple[str, str]]:
    """Processes that both runs have and started in other ways: both start methods. Not one killed before it said how."""
    methods_a = {process.name: process.start_method for process in a.ending.processes}
    found = {}
    for process in b.ending.processes:
        one, other = methods_a.get(process.name, ""), process.start_method
        if one and other and one != other:
            found[process.name] = (one, other)
    return found


def without_methods(text: str) -> str:
    """The text with `Process-1` for `ForkProcess-1`, `SpawnProcess-1`: a context names its processes after itself."""
    return _NAME.sub("", text)


def names_across_methods(trace: Trace, processes: Mapping[str, object]) -> list[str]:
    """What objects are matched by where these processes were started in another way: who has it, its kind, label and place.

    Counters count what only one method makes, so they are no use there. Nor is the place of what the library makes in a child:
    that is the line that forked it, or the text on the command line of a spawned one.
    """
    begun = _begun(trace)
    names = list(trace.object_names)
    seen: Counter[str] = Counter()
    order = sorted(range(len(trace.objects)), key=lambda index: (trace.objects[index].creator, trace.objects[index].n))
    for index in order:
        info = trace.objects[index]
        if _process(trace, info) in processes:
            who, place = info.process or trace.actors[info.creator].name, trace.sites[info.site]
            outside = place == begun.get(_process(trace, info)) or place.file.startswith("<string>")
            key = f"{who}:{info.kind.name.lower()}:{'' if outside else f'{info.label}:{place}'}"
            seen[key] += 1
            names[index] = f"{key}#{seen[key]}"
    return names


def _begun(trace: Trace) -> dict[str, Site]:
    """Per child process the place where it was started."""
    columns, kinds, found = trace.columns, trace.columns.kind.tobytes(), dict[str, Site]()
    position = kinds.find(Kind.BEGIN)
    while position >= 0:
        name = trace.actors[columns.actor[position]].name
        if name == process_of(name):
            found[name] = trace.sites[columns.site[position]]
        position = kinds.find(Kind.BEGIN, position + 1)
    return found


def method_notes(tables: Tables) -> Iterator[str]:
    """Which processes were started in another way, what one has copied and the other made, and what only one has."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for name, pair in tables.methods.items():
        pairs.setdefault(pair, []).append(name)
    for (one, other), names in pairs.items():
        names.sort(key=path_key)
        were = "was" if len(names) == 1 else "were"
        yield f"{_some(names, 'process', 'processes')} {were} started by {_method(one)} in A, by {_method(other)} in B"
    if not tables.methods:
        return
    used = [set(trace.columns.object) for trace in (tables.a, tables.b)]
    objects_a, objects_b = tables.a.objects, tables.b.objects
    in_b = {number: index for index, number in enumerate(tables.object_b)}
    remade: dict[str, list[str]] = {}
    for number, info in enumerate(objects_a):
        index = in_b.get(number)
        if index is not None and bool(info.process) is not bool(objects_b[index].process) and number in used[0]:
            remade.setdefault("copied in A, made anew in B" if info.process else "made anew in A, copied in B", []).append(
                _label(tables.a, number)
            )
    for how, labels in remade.items():
        yield f"{_some(labels, 'object')} of child processes: {how}"
    yield from _only(tables, "A", "B", [index for index, number in enumerate(tables.object_a) if number not in in_b])
    yield from _only(tables, "B", "A", [index for index, number in enumerate(tables.object_b) if number >= len(objects_a)])


def _only(tables: Tables, letter: str, other: str, lonely: list[int]) -> Iterator[str]:
    """Of objects that the other run does not have those of these processes. What that run makes once for all is told apart."""
    here, there = (tables.a, tables.b) if letter == "A" else (tables.b, tables.a)
    used = set(here.columns.object)
    common = {_made(there, info) for info in there.objects if _process(there, info) not in tables.methods}
    own: list[str] = []
    only: list[str] = []
    for index in lonely:
        info = here.objects[index]
        if index in used and _process(here, info) in tables.methods:
            (own if info.kind in SHARED_KINDS and _made(here, info) in common else only).append(_label(here, index))
    if own:
        yield f"{_some(own, 'object')}: one for all processes in {other}, one in each in {letter}"
    if only:
        yield f"only {letter} has {_some(only, 'object')}"


def _made(trace: Trace, info: ObjectInfo) -> tuple[object, ...]:
    """What kind of thing it is, what it is called and where it was made."""
    return info.kind, info.label, trace.sites[info.site]


def _process(trace: Trace, info: ObjectInfo) -> str:
    return info.process or process_of(trace.actors[info.creator].name)


def _label(trace: Trace, index: int) -> str:
    info = trace.objects[index]
    return f"`{info.label or trace.object_names[index].partition('@')[0]}`"


def _method(word: str) -> str:
    return word or "no method"


def _some(names: list[str], noun: str, plural: str = "") -> str:
    """`main.1 and main.2`, or the first few and how many there are more."""
    names = list(dict.fromkeys(names))
    if len(names) <= _FEW:
        return join(names)
    return f"{', '.join(names[:_FEW])} and {count(len(names) - _FEW, f'{noun}', plural)} more"
