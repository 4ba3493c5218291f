"""The order file: what the controller compiles a trace into, so that the runtime can follow it without msgpack.

A head, then sections, each a length and its bytes: actors (names joined by NUL), objects (creator, kind, n), texts and bytes that
inputs need, per actor its events. Native byte order: the file is made for one run on one machine.
"""

from struct import Struct
from typing import Final

ORDER_HEAD: Final = Struct("@8sIIIIII")
"""Magic, number of actors, objects, events, position to stop at or NOWHERE, recorded pid, recorded ppid."""

ORDER_MAGIC: Final = b"smOrder1"
NOWHERE: Final = 0xFFFFFFFF

ORDER_EVENT: Final = Struct("@qIIIIHH4x")
"""value, object, site, index of the actor whose turn is next, position in the trace, kind, flags."""

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

STATUS: Final = Struct("@IIII")
"""The file `status`: turns done (position + 1), writes added, writes removed, 1 while a debugger holds everyone."""
