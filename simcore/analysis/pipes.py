"""Which two ends of connections belong together: a trace has each end as an object of its own.

`Pipe()` makes two ends in one go, so they are neighbours in the count of their creator and have one place in the source. An end
that a listener accepted, or that connected to one, belongs to nobody that can be told.
"""

from __future__ import annotations

from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Trace


def ends_of(trace: Trace) -> tuple[dict[int, int], frozenset[int]]:
    """For each end of a pipe the other one; and those ends at which one actor receives, so that messages come in their order."""
    c = trace.columns
    kinds = c.kind.tobytes()
    sockets: set[tuple[int, int]] = set()
    receivers: dict[int, set[int]] = {}
    for kind in (Kind.CONNECT, Kind.ACCEPT, Kind.RECV):
        at = kinds.find(kind)
        while at >= 0:
            if kind is Kind.RECV:
                receivers.setdefault(c.object[at], set()).add(c.actor[at])
            else:
                sockets.add((c.actor[at], c.site[at]))
            at = kinds.find(kind, at + 1)
    ends = sorted(
        (info.creator, info.n, info.site, index)
        for index, info in enumerate(trace.objects)
        if info.kind is ObjectKind.CONNECTION and (info.creator, info.site) not in sockets
    )
    peer: dict[int, int] = {}
    alone: tuple[tuple[int, int, int], int] | None = None
    for creator, number, site, index in ends:
        if alone is not None and alone[0] == (creator, number - 1, site):
            peer[index], peer[alone[1]] = alone[1], index
            alone = None
        else:
            alone = (creator, number, site), index
    return peer, frozenset(end for end in peer if len(receivers.get(end, ())) < 2)
