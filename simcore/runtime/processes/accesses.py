"""Reads and writes of memory that processes share: each is an event, and while recording [stamp + access] is one step.

The lock for that is the kernel's, on a file of the run, given back when its process ends; a thread lock stands in front, for the
kernel's knows no threads. Under it runs nothing of the program's: what a family reads or writes there is plain by then.
"""

import fcntl
import os
import zlib
from collections.abc import Callable
from itertools import starmap
from operator import call, index
from struct import Struct
from typing import Any, Final

from simcore.runtime import gate, originals
from simcore.runtime.actors import Actor
from simcore.runtime.processes import birth
from simcore.trace.events import HEAD, RECORD, Kind

FAILED: Final = -(1 << 63)
"""Value of an access that raised an error."""

PLAIN: Final = frozenset({int, float, bytes, str, bool, type(None)})
"""Reading and writing these runs no code of the program's."""

_NO_STRUCTURE: Final = 0
_HIGH: Final = 500
"""The lock's descriptor is no lower than this: a program that closes it does not soon get the number for a file of its own."""

_float_bits: Final = Struct("<d").pack
_from_bits: Final = Struct("<q").unpack
_pack: Final = RECORD.pack_into
_head: Final = HEAD.pack
_now: Final = originals.monotonic_ns
_flock: Final[Callable[[int, int], None]] = getattr(fcntl.flock, "original", fcntl.flock)
_LOCK: Final = fcntl.LOCK_EX
_UNLOCK: Final = fcntl.LOCK_UN

_front = originals.RLock()
_depth = 0
_file = -1


def number_of(content: Any) -> int:
    """What stands for this content in an event: an integer for itself, a float as its bits, a checksum for other plain things."""
    kind = type(content)
    if kind is int:
        return int(content) if -(1 << 63) <= content < 1 << 63 else (content + (1 << 63)) % (1 << 64) - (1 << 63)
    if kind is float:
        bits: int = _from_bits(_float_bits(content))[0]
        return bits
    if kind is bool:
        return int(content)
    if kind is bytes:
        return zlib.crc32(content)
    if kind is str:
        return zlib.crc32(content.encode("utf-8", "surrogatepass"))
    if kind is list and (not content or type(content[0]) in PLAIN):
        return zlib.crc32(repr(content).encode("utf-8", "surrogatepass"))
    return _NO_STRUCTURE


def plain_place(place: Any) -> Any:
    """An index or slice of integers that are integers; raises what the original's conversion raises."""
    kind = type(place)
    if kind is int:
        return place
    if kind is slice:
        return slice(*(part if part is None else index(part) for part in (place.start, place.stop, place.step)))
    return index(place) if hasattr(kind, "__index__") else place


def _lock() -> None:
    global _depth
    _front.acquire()
    try:
        if not _depth:
            try:
                _flock(_file, _LOCK)
            except (OSError, ValueError):
                _open()
        _depth += 1
    except BaseException:
        _front.release()
        raise


def _unlock() -> None:
    global _depth
    _depth -= 1
    if not _depth:
        try:
            _flock(_file, _UNLOCK)
        except (OSError, ValueError):
            pass  # the program has closed it meanwhile, which gave it back
    _front.release()


def _open() -> None:
    """Open the file, at first or because the program has closed it, and take the lock."""
    global _file
    _file = -1
    try:
        number = os.open(f"{birth.folder}/accesses", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            _file = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _HIGH)
            os.close(number)
        except OSError:
            _file = number  # fewer descriptors are allowed
        _flock(_file, _LOCK)
    except OSError:
        pass  # the run's folder is gone: nobody records any more


def _forget() -> None:
    """This is a forked child: the open file is its parent's, and so would be its locks."""
    global _front, _depth, _file
    number, _file = _file, -1
    _front, _depth = originals.RLock(), 0
    if number >= 0:
        try:
            os.close(number)
        except OSError:
            pass  # the program has closed it


os.register_at_fork(after_in_child=_forget)


def read(actor: Actor, number: int, site: int, does: Callable[..., Any], *arguments: Any) -> Any:
    """Do what reads the object `number`, and return what it returns. Raises: what it raises, which is an event too."""
    if gate.current.following:
        return _follow(actor, Kind.READ, number, site, None, does, arguments)
    reserve, buffer = actor.chunk
    try:
        slot = reserve()
    except StopIteration:
        reserve, buffer = actor.renew()
        slot = reserve()
    value = FAILED
    _lock()
    try:
        result = does(*arguments)
        value = number_of(result)
        return result
    finally:
        _pack(buffer, slot, _head(value, number, site, 0, _READ, 0), _now())
        _unlock()


def store(actor: Actor, number: int, site: int, content: int, does: Callable[..., Any], *arguments: Any) -> Any:
    """Do what writes `content` (see `number_of`) to the object `number`; as `read`."""
    if gate.current.following:
        return _follow(actor, Kind.STORE, number, site, content, does, arguments)
    reserve, buffer = actor.chunk
    try:
        slot = reserve()
    except StopIteration:
        reserve, buffer = actor.renew()
        slot = reserve()
    head = _head(content, number, site, 0, _STORE, 0)
    _lock()
    try:
        # The record first: should a kill come in between, the merge sees by what others read that it was not done.
        results: list[Any] = []
        results.extend(starmap(call, ((_pack, buffer, slot, head, _now()), (does, *arguments))))
        return results[1]
    except BaseException:
        _pack(buffer, slot, _head(FAILED, number, site, 0, _STORE, 0), _now())
        raise
    finally:
        _unlock()


_READ: Final = int(Kind.READ)
_STORE: Final = int(Kind.STORE)


def _follow(
    actor: Actor, kind: Kind, number: int, site: int, content: int | None, does: Callable[..., Any], arguments: tuple[Any, ...]
) -> Any:
    """The same at its turn: it has to come to what it came to."""
    want = gate.current.enter(actor, kind, number, site)
    value = FAILED
    try:
        result = does(*arguments)
        value = number_of(result) if content is None else content
        return result
    finally:
        if value != want:
            gate.current.must(actor, False, f"{_said(value, kind)}, in the trace it {_said(want, kind)}")
        gate.current.leave(actor, kind, number, site, value)


def _said(value: int | None, kind: Kind) -> str:
    if value == FAILED:
        return "raises an error"
    return f"{'reads' if kind is Kind.READ else 'writes'} {value}"
