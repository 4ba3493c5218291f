"""What another program wrote: the trace keeps its length and digest, never the bytes.

An input takes no turn. In replay the program runs again and its output is read again, so what differs is seen, and is recorded as
what it was this time.
"""

import io
from _blake2 import blake2b
from typing import Any

from simcore.runtime import gate, sites
from simcore.runtime.actors import Actor, acting, here
from simcore.runtime.order import ORDER_EVENT
from simcore.runtime.processes.birth import Birth
from simcore.runtime.processes.executed import has_begun
from simcore.trace.events import Kind

_NOT_THE_PROGRAMS = frozenset({Kind.GC, Kind.SIGNAL, Kind.WRITE, Kind.IMPORT, Kind.IMPORTED})


def digest(data: bytes) -> str:
    """Length and digest of some bytes."""
    return f"{len(data)} {blake2b(data, digest_size=8).hexdigest()}"


def coming(actor: Actor, child: Birth) -> str | None:
    """In replay: the INPUT of this child that the trace has next for this actor, if it is one."""
    mine = actor.following
    for at in range(mine.cursor, mine.end, ORDER_EVENT.size):
        value, object_id, _, _, _, kind, _ = ORDER_EVENT.unpack_from(mine.events, at)
        if kind not in _NOT_THE_PROGRAMS:
            return str(mine.text(value)) if kind == Kind.INPUT and object_id == child.object_id else None
    return None


def emit(actor: Actor, child: Birth, text: str) -> None:
    """The event itself."""
    gate.current.local(actor, Kind.INPUT, child.object_id, lambda: sites.intern_text(text))


def keep(actor: Actor, child: Birth, text: str) -> None:
    """Keep what another program wrote; what a recorded child wrote is in the trace as its own events."""
    if (coming(actor, child) is not None) if gate.current.following else not has_begun(child):
        emit(actor, child, text)


class Watched(io.FileIO):
    """The reading end of a child's stream: where it comes to its end, length and digest of what was read are an event."""

    simcore_child: Birth | None = None
    simcore_stream = ""

    def __init__(self, number: int) -> None:
        super().__init__(number, "rb")
        self._seen = blake2b(digest_size=8)
        self._length = 0

    def _take(self, data: Any, to_the_end: bool) -> None:
        self._seen.update(data)
        self._length += len(data)
        actor, child = acting(), self.simcore_child
        if to_the_end and child is not None and actor is not None:
            self.simcore_child = None
            keep(actor, child, f"{self.simcore_stream} {self._length} {self._seen.hexdigest()}")

    def readinto(self, buffer: Any, /) -> int | None:
        """As `io.FileIO.readinto`."""
        count = super().readinto(buffer)
        if count is not None:
            given = memoryview(buffer).cast("B")
            self._take(given[:count], not count and len(given) > 0)
        return count

    def read(self, size: int | None = -1, /) -> bytes | None:  # type: ignore[override]
        """As `io.FileIO.read`."""
        data = super().read(size)
        if data is not None:
            self._take(data, size is None or size < 0 or (not data and size > 0))
        return data

    def readall(self) -> bytes | None:  # type: ignore[override]
        """As `io.FileIO.readall`."""
        data = super().readall()
        if data is not None:
            self._take(data, True)
        return data


for _name in ("__name__", "__qualname__", "__module__"):
    setattr(Watched, _name, getattr(io.FileIO, _name))


def open_stream(number: int, mode: str, bufsize: int) -> Any:
    """As `io.open`, for the streams of a child."""
    actor = here()
    if mode != "rb" or bufsize == 1 or actor is None or actor.birth is None:
        return open(number, mode, bufsize)
    raw = Watched(number)
    if bufsize == 0:
        return raw
    size = bufsize if bufsize > 0 else getattr(raw, "_blksize", 0)
    return io.BufferedReader(raw, size if size > 1 else io.DEFAULT_BUFFER_SIZE)


def watched(stream: Any) -> Watched | None:
    """The raw file below a stream of a child."""
    while stream is not None and not isinstance(stream, Watched):
        stream = getattr(stream, "buffer", None) or getattr(stream, "raw", None)
    return stream
