"""The order file: what the controller compiles a trace into, so that the runtime can follow it without msgpack.

A head, then sections, each a length and its bytes: how the semaphores between processes are called (empty where there is one
process), actors (names joined by NUL), objects (creator, kind, n), texts and bytes that
inputs need, per actor its events. Native byte order: the file is made for one run on one machine.
"""

import mmap
from struct import Struct
from typing import Final

ORDER_HEAD: Final = Struct("@8sIIIIII")
"""Magic, number of actors, objects, events, position to stop at or NOWHERE, recorded pid, recorded ppid."""

ORDER_MAGIC: Final = b"smOrder1"
NOWHERE: Final = 0xFFFFFFFF

ORDER_EVENT: Final = Struct("@qIIIIHH4x")
"""value, object, site, index of the actor whose turn is next, position in the trace, kind, flags."""

PLACES: Final = 1 << 32
"""The inputs from here on are the places at which signals came: file name, line and function behind PLACES + site."""

ORDER_OBJECT: Final = Struct("@III")
ORDER_LENGTH: Final = Struct("@Q")

LOCAL: Final = 1
"""A local input: it takes no turn."""
AWAIT: Final = 2
"""The turn before was another actor's: wait to be told."""
POST: Final = 4
"""The turn after is another actor's: tell it."""
WAITED: Final = 8
"""A signal that came while its actor waited in the operation behind it; without this flag it came between operations."""
FAR_AWAIT: Final = 16
"""The turn before is an actor's of another process."""
FAR_POST: Final = 32
"""The turn after is an actor's of another process."""

STOP: Final = 64
"""A debugger is opened there."""
BEFORE_SIGNAL: Final = 128
"""The actor's next event is a signal that came between two operations."""

STATUS: Final = Struct("@II")
"""The file `status`: turns done (position + 1), 1 while a debugger holds everyone."""


class Order:
    """An order file, mapped. `objects` gives by (creator, kind, n) the id that the trace has for that object."""

    def __init__(self, path: str) -> None:
        with open(path, "rb") as file:
            self._data = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        magic, n_actors, _, _, self.stop, pid, ppid = ORDER_HEAD.unpack_from(self._data, 0)
        assert magic == ORDER_MAGIC, "not an order file"
        self.pids = (pid, ppid)
        self._place = ORDER_HEAD.size
        self.semaphores = bytes(self._section()).decode()
        self.actors = bytes(self._section()).decode().split("\0")[:n_actors]
        self.objects = {key: number for number, key in enumerate(ORDER_OBJECT.iter_unpack(self._section()))}
        self.inputs = self._inputs(self._section())
        self.events = [self._section() for _ in range(n_actors)]

    def _section(self) -> memoryview:
        (length,) = ORDER_LENGTH.unpack_from(self._data, self._place)
        self._place += ORDER_LENGTH.size + length
        return self._data[self._place - length : self._place]

    @staticmethod
    def _inputs(section: memoryview) -> dict[int, bytes]:
        found = {}
        at = 0
        while at < len(section):
            (number,), (length,) = (
                ORDER_LENGTH.unpack_from(section, at),
                ORDER_LENGTH.unpack_from(section, at + ORDER_LENGTH.size),
            )
            at += 2 * ORDER_LENGTH.size + length
            found[number] = bytes(section[at - length : at])
        return found
