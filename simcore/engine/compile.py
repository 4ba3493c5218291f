"""Compiles a trace into the order file that the runtime follows: fixed records, grouped by actor, with the turns worked out."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from itertools import chain, compress, count, islice
from operator import ne
from pathlib import Path

from simcore.engine.scenario import command_of, our_python
from simcore.runtime.order import (
    AWAIT,
    BEFORE_SIGNAL,
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
_TAKES_TURN = bytes(kind not in LOCAL_KINDS for kind in range(256))


def compile_order(trace: Trace, path: Path, *, stop_at: int | None = None, semaphores: str = "") -> list[int]:
    """Write the order file; returns the positions that take a turn, in order.

    `semaphores` is how the named semaphores of actors begin that are told their turn by another process; see `told_from_afar`.
    """
    c = trace.columns
    turns = _turns(trace)
    flags = array("I", [LOCAL]) * len(c)
    after = array("I", bytes(4 * len(c)))
    whose = array("I", map(c.actor.__getitem__, turns))
    for position, following in zip(turns, islice(whose, 1, None), strict=False):
        flags[position], after[position] = 0, following
    if turns:
        flags[turns[-1]] = 0
    signals = list(compress(turns, map(int(Kind.SIGNAL).__eq__, map(c.kind.__getitem__, turns))))
    for position in signals:
        flags[position] = WAITED if c.waited_us[position] else 0
    for position in _before(trace, {position for position in signals if not flags[position]}):
        flags[position] |= BEFORE_SIGNAL
    if stop_at is not None and stop_at < len(flags):
        flags[stop_at] |= STOP
    process = trace.processes
    before = chain([0], whose)  # the main actor has the first turn without being told
    for place in compress(range(len(turns)), map(ne, whose, before)):
        actor, previous = whose[place], whose[place - 1] if place else 0
        is_near = process[actor] == process[previous]
        flags[turns[place]] |= AWAIT if is_near else AWAIT | FAR_AWAIT
        if place:
            flags[turns[place - 1]] |= POST if is_near else POST | FAR_POST
    numbers = _object_numbers(trace)
    parts = _parts(trace, numbers, after, flags)
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
        for section in (semaphores.encode(), names, b"".join(objects), bytes(inputs), *parts):
            file.write(ORDER_LENGTH.pack(len(section)) + section)
    return turns


def _before(trace: Trace, positions: Container[int]) -> list[int]:
    """The event of the same actor before each of these."""
    found: list[int] = []
    if positions:
        last: dict[int, int] = {}
        for position, actor in enumerate(trace.columns.actor):
            if position in positions and actor in last:
                found.append(last[actor])
            last[actor] = position
    return found


def _parts(trace: Trace, numbers: Sequence[int], after: "array[int]", flags: "array[int]") -> Iterator[bytes]:
    """The order of each actor: its events as ORDER_EVENT has them."""
    c = trace.columns
    order = sorted(range(len(c)), key=c.actor.__getitem__)
    words = array("I", bytes(ORDER_EVENT.size * len(c)))
    step = ORDER_EVENT.size // 4
    values = array("I", array("q", map(c.value.__getitem__, order)).tobytes())
    words[0::step], words[1::step] = values[0::2], values[1::2]
    words[2::step] = array("I", map(numbers.__getitem__, map(c.object.__getitem__, order)))
    words[3::step] = array("I", map(c.site.__getitem__, order))
    words[4::step] = array("I", map(after.__getitem__, order))
    words[5::step] = array("I", order)
    halves = array("H", bytes(4 * len(c)))
    halves[0::2] = array("H", map(c.kind.__getitem__, order))
    halves[1::2] = array("H", map(flags.__getitem__, order))
    words[6::step] = array("I", halves.tobytes())
    data = words.tobytes()
    counts = Counter(c.actor)
    begin = 0
    for actor in range(len(trace.actors)):
        end = begin + counts[actor] * ORDER_EVENT.size
        yield data[begin:end]
        begin = end


def hand_overs(trace: Trace, turns: Sequence[int]) -> int:
    """How often the next turn is another actor's."""
    actors = list(map(trace.columns.actor.__getitem__, turns))
    return sum(map(ne, actors, islice(actors, 1, None)))


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


def _turns(trace: Trace) -> list[int]:
    """The positions that take a turn: those of all events but local inputs.

    Garbage is what all threads of a process have dropped, so a collection takes one where there are several. Where it found the
    others at rest, what each of them does next is behind it even if that is a local input, which takes a turn then too.
    """
    c = trace.columns
    marks = bytearray(c.kind.tobytes().translate(_TAKES_TURN))
    process = trace.processes
    actors: dict[str, set[int]] = {}
    for actor, its_process in enumerate(process):
        actors.setdefault(its_process, set()).add(actor)
    gc = int(Kind.GC)
    collections = [at for at in compress(count(), map(gc.__eq__, c.kind)) if len(actors[process[c.actor[at]]]) > 1]
    positions: dict[int, list[int]] = {}
    for position in collections:
        marks[position] = 1
        if c.value[position] & AT_REST:
            for other in actors[process[c.actor[position]]] - {c.actor[position]}:
                if other not in positions:
                    positions[other] = list(compress(count(), map(other.__eq__, c.actor)))
                place = bisect_right(positions[other], position)
                if place < len(positions[other]):
                    marks[positions[other][place]] = 1
    return list(compress(count(), marks))
