"""Whether a write has to wait for whoever reads the other end of its pipe."""

import fcntl
from typing import Final

_FIONREAD: Final = 0x541B
_CAPACITY: Final = getattr(fcntl, "F_GETPIPE_SZ", None)
_ABOVE: Final = 4 * 8192
"""What the layers above the pipe may hold back and write along, and pages of the pipe that are not full."""


def fits(number: int, size: int) -> bool:
    """Whether the pipe behind a file descriptor takes so many bytes at once; True for what is no pipe, or not known."""
    if _CAPACITY is None:
        return True
    try:
        capacity = fcntl.fcntl(number, _CAPACITY)
        held = int.from_bytes(fcntl.ioctl(number, _FIONREAD, bytes(4)), "little")
    except OSError:
        return True
    return held + size + _ABOVE <= capacity
