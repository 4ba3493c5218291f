"""Compiles a trace into the order file that the runtime follows: fixed records, grouped by actor, with the turns worked out."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from simcore.engine.scenario import command_of, our_python
from simcore.runtime.order import (
    AWAIT,
    FAR_AWAIT,
    FAR_POST,
    LOCAL,
    NOWHERE,
    ORDER_EVENT,
    ORDER_HEAD,
    ORDER_LENGTH,
    ORDER_MAGIC,
    ORDER_OBJECT,
    PLACES,
    POST,
    STOP,
    WAITED,
)
from simcore.trace.events import AT_REST, FIRST_OBJECT, FIXED_OBJECTS, LOCAL_KINDS, TEXT_KINDS, Kind
from simcore.trace.model import Trace

_INPUT_KINDS = TEXT_KINDS - {Kind.WRITE}


def compile_order(trace: Trace, path: Path, *, stop_at: int | None = None, semaphores: str = "") -> list[int]:
    """Write the order file; returns the positions that take a turn, in order.

    `semaphores` is how the named semaphores of actors begin that are told their turn by another process; see `told_from_afar`.
    """
    c = trace.columns
    turns = list(_turns(trace))
    flags = bytearray([LOCAL]) * len(c)
    after = [0] * len(c)
    for position in turns:
        flags[position] = WAITED if c.kind[position] == Kind.SIGNAL and c.waited_us[position] else 0
    if stop_at is not None and stop_at < len(flags):
        flags[stop_at] |= STOP
    process = trace.processes
    previous = 0  # the main actor has the first turn without being told
    for place, position in enumerate(turns):
        actor = c.actor[position]
        if actor != previous:
            flags[position] |= AWAIT if process[actor] == process[previous] else AWAIT | FAR_AWAIT
        if place + 1 < len(turns):
            following = c.actor[turns[place + 1]]
            after[position] = following
            if following != actor:
                flags[position] |= POST if process[actor] == process[following] else POST | FAR_POST
        previous = actor
    parts: list[list[bytes]] = [[] for _ in trace.actors]
    pack = ORDER_EVENT.pack
    numbers = _object_numbers(trace)
    for position, (actor, kind, obj, site, value) in enumerate(zip(c.actor, c.kind, c.object, c.site, c.value, strict=True)):
        parts[actor].append(pack(value, numbers[obj], site, after[position], position, kind, flags[position]))
    names = "\0".join(info.name for info in trace.actors).encode()
    objects: list[bytes] = [ORDER_OBJECT.pack(0xFFFFFFFF, 0, number) for number in range(max(numbers, default=0) + 1)]
    for index, info in enumerate(trace.objects):
        if index >= len(FIXED_OBJECTS):
            objects[numbers[index]] = ORDER_OBJECT.pack(info.creator, int(info.kind), info.n)
    inputs = bytearray()
    for text in sorted({value for kind, value in zip(c.kind, c.value, strict=True) if kind in _INPUT_KINDS}):
        data = _with_our_python(trace, trace.texts[text])
        encoded = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
        inputs += ORDER_LENGTH.pack(text) + ORDER_LENGTH.pack(len(encoded)) + encoded
    for number in sorted({site for kind, site in zip(c.kind, c.site, strict=True) if kind == Kind.SIGNAL}):
        handled = trace.sites[number]
        encoded = f"{handled.file.rpartition('/')[2]}\0{handled.line}\0{handled.function}".encode("utf-8", "surrogatepass")
        inputs += ORDER_LENGTH.pack(PLACES + number) + ORDER_LENGTH.pack(len(encoded)) + encoded
    with path.open("wb") as file:
        stop = NOWHERE if stop_at is None else stop_at
        file.write(
            ORDER_HEAD.pack(ORDER_MAGIC, len(trace.actors), len(objects), len(c), stop, trace.header.pid, trace.header.ppid)
        )
        for section in (semaphores.encode(), names, b"".join(objects), bytes(inputs), *(b"".join(part) for part in parts)):
            file.write(ORDER_LENGTH.pack(len(section)) + section)
    return turns


def hand_overs(trace: Trace, turns: Sequence[int]) -> int:
    """How often the next turn is another actor's."""
    actor = trace.columns.actor
    return sum(actor[a] != actor[b] for a, b in pairwise(turns))


def _with_our_python(trace: Trace, text: str | bytes) -> str | bytes:
    """The command line of a child that the program started with its own interpreter, as it is where this one runs it."""
    scenario, python = trace.header.scenario, trace.header.executable
    if isinstance(text, bytes) or not text.startswith(f"{python} "):
        return text
    is_command = scenario.target == "command"
    if is_command and Path(python).exists():
        return text
    return f"{our_python() if is_command else command_of(scenario)[0]} {text.removeprefix(python + ' ')}"


def _object_numbers(trace: Trace) -> list[int]:
    """Numbers for objects in the run: the fixed ones keep theirs, the program's follow behind FIRST_OBJECT."""
    fixed = len(FIXED_OBJECTS)
    originals = {info[:3]: index for index, info in enumerate(trace.objects) if not info.process}
    numbers = []
    for place, info in enumerate(trace.objects):
        # A forked child knows its copy by the number of the original, which may have done nothing itself.
        index = originals.setdefault(info[:3], place) if info.process else place
        numbers.append(index if index < fixed else index - fixed + FIRST_OBJECT)
    return numbers


def told_from_afar(trace: Trace) -> list[int]:
    """The actors that are told a turn of theirs by another process: each needs a semaphore, by its index."""
    process = trace.processes
    found: set[int] = set()
    if len(set(process)) < 2:
        return []
    previous = 0
    for position in _turns(trace):
        actor = trace.columns.actor[position]
        if process[actor] != process[previous]:
            found.add(actor)
        previous = actor
    return sorted(found)


def _turns(trace: Trace) -> Iterator[int]:
    """The positions that take a turn: those of all events but local inputs.

    Garbage is what all threads of a process have dropped, so a collection takes one where there are several. Where it found the
    others at rest, what each of them does next is behind it even if that is a local input, which takes a turn then too.
    """
    c = trace.columns
    local = {int(kind) for kind in LOCAL_KINDS}
    process = trace.processes
    actors: dict[object, set[int]] = {}
    for actor, its_process in enumerate(process):
        actors.setdefault(its_process, set()).add(actor)
    behind: set[int] = set()
    for position, (actor, kind) in enumerate(zip(c.actor, c.kind, strict=True)):
        if kind == Kind.GC and len(actors[process[actor]]) > 1:
            if c.value[position] & AT_REST:
                behind |= actors[process[actor]] - {actor}
        elif kind in local and actor not in behind:
            continue
        behind.discard(actor)
        yield position
