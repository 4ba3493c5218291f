"""The segment: the file into which one process writes its events while it runs, and the definitions beside it.

`main.events` is a row of chunks, each owned by one actor, each given its blocks on disk before it is mapped, so that a full disk
raises here (and detaches the recorder) and never sends SIGBUS. A record counts once its stamp, written last, is not zero: what
was committed before a `kill -9` is in the page cache and so in the file. `main.names` takes what is written once: actors, call
sites, texts, errors. A definition is written before the first record that uses it.

Nothing here holds a lock: offsets come from `itertools.count`, which is atomic, and two threads that intern one thing at the same
moment define it twice, which does no harm.
"""

import mmap
import os
from collections.abc import Callable
from itertools import count, islice
from struct import Struct
from typing import Final

from simcore.runtime import originals

CHUNK: Final = 65536
"""Bytes in a chunk: its head of two records, then 2,046 records."""

CHUNK_HEAD: Final = Struct("@4sIII")
"""Magic, actor index, number of the chunk among its actor's, process phase (first chunk of an actor only: see PHASE_*)."""

CHUNK_MAGIC: Final = b"smCk"

WAIT: Final = Struct("@IIHHIQ")
"""At byte 16 of an actor's first chunk:

object, site, kind, flags, thread ident's low bits, since (ns; 0 while it waits for nothing).
"""

WAIT_AT: Final = 16
PHASE_AT: Final = 12
PHASE_RUNNING: Final = 0
PHASE_SHUTDOWN: Final = 1
PHASE_ENDED: Final = 2
WAIT_TIMED: Final = 1
WAIT_PARKED: Final = 2
"""Replay only: the actor came to an operation beyond the trace and stays there."""
WAIT_STAMPED: Final = 4
"""The operation has its record already, as one that others act on before it is done."""

FIRST_RECORD: Final = 64

DEFINITION: Final = Struct("<II")
"""Head of a definition: length of its payload, tag. Payloads are UTF-8 fields separated by NUL, or bytes."""

TAG_ACTOR: Final = 1  # index, name, thread name, thread ident (0 until it runs): the last one counts
TAG_SITE: Final = 2  # id, line, file, function
TAG_TEXT: Final = 3  # id, then the text
TAG_BYTES: Final = 4  # id, NUL, then the bytes
TAG_ERROR: Final = 5  # actor index, type, message, file, line
TAG_NOTE: Final = 6  # something outside simcore's control: what, detail
TAG_PROCESS: Final = 7  # key, value; `name` comes first in a segment
TAG_DIVERGENCE: Final = 8  # actor index, cursor, position or -1, kind, object, site, reason
TAG_SPOT: Final = 10  # site, what is accessed (`access.spots.What`), field
TAG_WORD: Final = 11  # number, text: keys, names of types
TAG_DETACHED: Final = 9  # why the recorder gave up

_FEW: Final = 2
_AT_ONCE: Final = 4
"""How many chunks an actor gets at once when it has had a few, one by one."""
_NOTHING: Final = memoryview(bytes(CHUNK * _AT_ONCE))

Chunk = tuple[Callable[[], int], "mmap.mmap | memoryview | bytearray"]
"""A function that hands out offsets of free slots, one by one, and the buffer in which they are."""


class _File:
    """A file that stays ours when the program closes descriptors that it does not know, as a daemon does."""

    def __init__(self, path: str, flags: int) -> None:
        self._path, self._flags = path, flags | os.O_CLOEXEC
        self._open(os.O_CREAT | os.O_TRUNC)

    def _open(self, flags: int) -> None:
        self._number = os.open(self._path, self._flags | flags, 0o600)
        stat = os.fstat(self._number)
        self._identity = (stat.st_dev, stat.st_ino)

    def descriptor(self) -> int:
        """Its descriptor, opened anew when the number is no longer this file's. Raises: OSError when the folder is gone."""
        try:
            stat = os.fstat(self._number)
            if (stat.st_dev, stat.st_ino) == self._identity:
                return self._number
        except OSError:
            pass
        self._open(0)
        return self._number

    def close(self) -> None:
        """Close the descriptor if it is still this file's."""
        try:
            os.close(self.descriptor())
        except OSError:
            pass  # the folder is gone


def claim_block(folder: str) -> int:
    """A number that no other process of the run gets. An append moves the descriptor's own offset: no lock is needed."""
    number = os.open(f"{folder}/blocks", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        originals.write(number, b"\0")
        return os.lseek(number, 0, os.SEEK_CUR) - 1
    finally:
        os.close(number)


class Segment:
    """The two files of one process. Raises: OSError when the disk is full or the folder is gone; see `lost`."""

    def __init__(self, folder: str, name: str) -> None:
        place = f"{folder}/{name.replace('/', '~')}"
        self._events = _File(f"{place}.events", os.O_RDWR)
        self._names = _File(f"{place}.names", os.O_RDWR | os.O_APPEND)
        self._places = count()
        self._spare: dict[int, list[memoryview]] = {}
        self.lost = False

    def leave(self) -> None:
        """Close the files: this is a forked child, and they are its parent's."""
        self._events.close()
        self._names.close()

    def chunk(self, actor: int, number: int) -> "mmap.mmap | memoryview | bytearray":
        """A fresh chunk, reserved and mapped. An actor that needs many has some reserved at once: that is cheaper.

        On a full disk the recorder detaches: from then on records go to memory that nobody reads, and the program runs on.
        """
        buffer: mmap.mmap | memoryview | bytearray
        try:
            if self.lost:
                raise OSError
            if number < _FEW:
                buffer = self._map(next(self._places), 1)
            else:
                spare = self._spare.setdefault(actor, [])
                if not spare:
                    spare += self._several()
                buffer = spare.pop()
        except OSError as error:
            self._give_up(str(error))
            buffer = bytearray(CHUNK)
        CHUNK_HEAD.pack_into(buffer, 0, CHUNK_MAGIC, actor, number, PHASE_RUNNING)
        return buffer

    def _several(self) -> list[memoryview]:
        """Chunks that lie behind each other, the last one first. Not all are begun in the end; their places stay empty."""
        places = [*islice(self._places, _AT_ONCE)]
        if places[-1] - places[0] >= _AT_ONCE:  # without a GIL others may take some in between
            del places[1:]
        view = memoryview(self._map(places[0], len(places)))
        return [view[at : at + CHUNK] for at in range(0, len(view), CHUNK)][::-1]

    def _map(self, place: int, chunks: int) -> mmap.mmap:
        events, at, size = self._events.descriptor(), place * CHUNK, chunks * CHUNK
        os.posix_fallocate(events, at, size)
        originals.pwrite(events, _NOTHING[:size], at)  # else each page costs the file system a turn of its own when it is touched
        return mmap.mmap(events, size, offset=at)

    def define(self, tag: int, *fields: object) -> None:
        """Write one definition in a single append."""
        self.define_bytes(tag, "\0".join(map(str, fields)).encode("utf-8", "surrogatepass"))

    def define_bytes(self, tag: int, payload: bytes) -> None:
        """Write one definition whose payload is ready."""
        try:
            originals.write(self._names.descriptor(), DEFINITION.pack(len(payload), tag) + payload)
        except OSError as error:
            self._give_up(str(error))

    def _give_up(self, why: str) -> None:
        if not self.lost:
            self.lost = True
            try:
                payload = why.encode()
                originals.write(self._names.descriptor(), DEFINITION.pack(len(payload), TAG_DETACHED) + payload)
            except OSError:
                pass  # the disk is full: the cut-off segment says so itself


current: Segment
"""The segment of this process; set once by `install`."""
