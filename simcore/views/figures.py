"""The few figures of a run that its summary names: who passed which lock to whom how often, who waited longest behind whom."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Trace

_LOCKS = frozenset(
    {
        *(ObjectKind.LOCK, ObjectKind.RLOCK, ObjectKind.SEMAPHORE, ObjectKind.CONDITION),
        *(ObjectKind.PLOCK, ObjectKind.PRLOCK, ObjectKind.PSEMAPHORE),
    }
)
_QUEUES = frozenset({ObjectKind.SIMPLEQUEUE, ObjectKind.QUEUE, ObjectKind.PQUEUE})


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went through one object. `hand_offs`: of a lock, how often it was taken by another actor than the last time; of a
    queue, how many items went from one actor to another. The longest wait (ns, 0 for none) was `waiter`'s, behind actor
    `behind` (-1 when nobody had it before)."""

    object: int
    hand_offs: int
    longest_wait_ns: int
    waiter: int
    behind: int


def traffic(trace: Trace) -> list[Traffic]:
    """Traffic of every lock and queue that changed hands, the busiest first; queues between threads come last."""
    locks = [info.kind in _LOCKS for info in trace.objects]
    queues = [info.kind in _QUEUES for info in trace.objects]
    hand_offs = [0] * len(trace.objects)
    last = [-1] * len(trace.objects)
    longest = [(0, -1, -1)] * len(trace.objects)
    columns = trace.columns
    put_by_program = _items(trace)
    acquire, get = int(Kind.ACQUIRE), int(Kind.GET)
    for kind, thing, actor, value, waited in zip(
        columns.kind, columns.object, columns.actor, columns.value, columns.waited_us, strict=True
    ):
        if kind == acquire:
            if not locks[thing] or value != 1:
                continue
            before, last[thing] = last[thing], actor
        elif kind == get and queues[thing] and value >= 0:
            if thing in put_by_program and value not in put_by_program[thing]:
                continue
            before = value >> 32
        else:
            continue
        if before not in (actor, -1):
            hand_offs[thing] += 1
        if waited > longest[thing][0]:
            longest[thing] = (waited, actor, before)
    found = [
        Traffic(thing, number, longest[thing][0] * 1000, *longest[thing][1:]) for thing, number in enumerate(hand_offs) if number
    ]
    inner = [info.kind in _QUEUES and info.kind is not ObjectKind.PQUEUE for info in trace.objects]
    return sorted(found, key=lambda one: (inner[one.object], -one.hand_offs, one.object))


def _items(trace: Trace) -> dict[int, set[int]]:
    """Of each queue between processes the items that the program put, where it put any.

    A process that ends, or closes the queue, puts one more, which tells the feeder thread to end.
    """
    columns = trace.columns
    put, found = int(Kind.PUT), dict[int, set[int]]()
    for span in trace.spans:
        if trace.objects[span.object].kind is ObjectKind.PQUEUE and span.operation == "Queue.put":
            for position in range(span.first, span.last + 1):
                if (columns.kind[position], columns.object[position], columns.actor[position]) == (put, span.object, span.actor):
                    found.setdefault(span.object, set()).add(columns.value[position])
    return found


def is_queue(trace: Trace, thing: int) -> bool:
    """Whether items went through this object, and not its ownership."""
    return trace.objects[thing].kind in _QUEUES
