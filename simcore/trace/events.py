"""The vocabulary of a trace: kinds of events and the record that the runtime writes.

Standard library only and imported inside the recorded program: keep it light. The numbers are part of the file format: append,
never renumber.
"""

import struct
from enum import Enum, IntEnum
from typing import Final, NoReturn

FORMAT_VERSION: Final = 3
"""Version of the trace file; apart from the package's own version."""

RECORD: Final = struct.Struct("@24sQ")
"""One event as it lies in a segment: head, then the stamp (CLOCK_MONOTONIC, ns), which is written last and commits the record."""

HEAD: Final = struct.Struct("@qIIIHH")
"""value, object, site, waited_us, kind, flags. Native order and alignment: a segment never leaves its machine."""


class Kind(IntEnum):
    """What an event did. `value` in an event means, per kind, what the comment says."""

    ACQUIRE = 1  # 1 got it, 0 a try failed, -1 timed out
    RELEASE = 2  # 0
    UNDO = 3  # the release just before raised: it did not happen; of messages -errno
    START = 4  # index of the actor that is started; the object is that actor's thread, or the child process
    BEGIN = 5  # first event of a started actor; of a process: its pid
    END = 6  # last event of a thread; 1 when it ended by an exception
    JOIN = 7  # 1 the thread had ended, 0 timed out; of a child process as STATUS
    PUT = 8  # tag of the item: putting actor << 32 | count of its puts
    GET = 9  # tag of the item got, -1 empty (a try), -2 timed out
    SLEEP = 10  # nanoseconds asked for
    WRITE = 11  # text index; the object is the stream
    CLOCK = 12  # bits of the float, or the integer; the object is the clock
    SEED = 13  # 63-bit seed handed to a random generator
    ENTROPY = 14  # text index of the bytes handed out by the operating system
    GC = 15  # generation collected | AT_REST
    SIGNAL = 16  # number of the signal whose Python handler ran next
    EXIT = 17  # the process ends: exit status known so far, or 0
    PAUSE = 18  # signal.pause returned
    LOCKED = 19  # 0 or 1
    IS_SET = 20  # 0 or 1
    IS_ALIVE = 21  # 0 or 1
    EMPTY = 22  # 0 or 1
    QSIZE = 23  # number of items
    COUNT = 24  # threading.active_count()
    ENUMERATE = 25  # text index of the actors' names, joined by newlines
    N_WAITING = 26  # Barrier.n_waiting
    BROKEN = 27  # Barrier.broken: 0 or 1
    IMPORT = 28  # begins to execute a module: text index of its name, and behind a comma how it goes on otherwise
    IMPORTED = 29  # gave a module's lock back, in older traces: text index of its name
    DRAW = 30  # drawn from the generator that all threads share: the integer, or the bits of the float
    SEND = 31  # bytes of the message; UNDO follows when it failed
    RECV = 32  # bytes of the message; -1 end of file, -2 end of file within one, -3 too long, else -errno
    POLL = 33  # 0 or 1: whether a connection has something to read; -errno
    READY = 34  # connection.wait: text index of the numbers, from 0, of those that are ready, joined by commas
    STATUS = 35  # how a child process ended: exit code, -n for signal n, RUNNING while it runs
    KILL = 36  # number of the signal sent to a child process
    PID = 37  # the pid of a child process, as its parent was told
    PARENT = 38  # the pid of the parent process, as a child was told
    CONNECT = 39  # connected to a listener: 1; UNDO follows when that failed
    ACCEPT = 40  # accepted a connection: 1, or -errno when that failed
    READ = 41  # read a shared value: hash of what was read
    STORE = 42  # wrote a shared value: hash of what was written
    VALUE = 43  # the count of a semaphore; -errno: a child process that was given it did not find it
    INPUT = 44  # what another program wrote: text index of its length and digest
    WAIT = 45  # os.wait: index of the child's actor << 32 | wait status; -1 none had ended, -2 it raised
    LOAD = 46  # from here on accesses to the program's own data; see `accessed`. Read a place
    ASSIGN = 47  # wrote or deleted it
    UPDATE = 48  # read it and wrote it in one step: no other actor can come between, on this interpreter

    # In segments only; the merge turns them into tables.
    CREATE = 60  # a new object: value is its ObjectKind, object its id
    SPAN = 61  # one of the programmer's operations: value is operation << 1 | (1 it begins, 0 it has ended)


class ObjectKind(IntEnum):
    """What an object is. Its lower-case name stands in names: `main:lock1`."""

    NONE = 0
    STREAM = 1
    CLOCK = 2
    LOCK = 3
    RLOCK = 4
    THREAD = 5
    SIMPLEQUEUE = 6
    CONDITION = 7
    EVENT = 8
    SEMAPHORE = 9
    BARRIER = 10
    QUEUE = 11
    EXECUTOR = 12
    FUTURE = 13
    TIMER = 14
    WAITER = 15  # the lock that Condition.wait makes for one wait
    PROCESS = 16  # the process itself: owner of what belongs to no object
    IMPORTS = 17
    PLOCK = 18  # from here on: between processes. multiprocessing.Lock
    PRLOCK = 19
    PSEMAPHORE = 20  # bounded ones too
    CHILD = 21  # a child process as its parent sees it
    CONNECTION = 22  # one end of a pipe or socket
    LISTENER = 23
    SHARED = 24  # a shared value or array, or a block of shared memory
    PQUEUE = 25
    POOL = 26
    MANAGER = 27
    PROXY = 28  # what a manager keeps
    ATTRIBUTE = 29  # from here on: places of the program's own data. An attribute of one object, class or module
    GLOBAL = 30  # a module's variable that some function declares `global`
    CELL = 31  # a variable that functions share by closing over it
    ITEMS = 32  # a list, dict, set, deque or bytearray: which item, `accessed` tells


FIXED_OBJECTS: Final = (
    (ObjectKind.NONE, ""),
    (ObjectKind.STREAM, "stdout"),
    (ObjectKind.STREAM, "stderr"),
    (ObjectKind.CLOCK, "time.time"),
    (ObjectKind.CLOCK, "time.time_ns"),
    (ObjectKind.CLOCK, "time.monotonic"),
    (ObjectKind.CLOCK, "time.monotonic_ns"),
    (ObjectKind.CLOCK, "time.perf_counter"),
    (ObjectKind.CLOCK, "time.perf_counter_ns"),
    (ObjectKind.CLOCK, "time.process_time"),
    (ObjectKind.CLOCK, "time.process_time_ns"),
    (ObjectKind.CLOCK, "time.thread_time"),
    (ObjectKind.CLOCK, "time.thread_time_ns"),
    (ObjectKind.CLOCK, "datetime.now"),
    (ObjectKind.PROCESS, "process"),
    (ObjectKind.IMPORTS, "imports"),
)
"""Objects that exist before the program: their index is their id in every trace. Ids of the program's objects follow."""

FIRST_OBJECT: Final = 32

SHARED_KINDS: Final = frozenset(
    {
        *(ObjectKind.PLOCK, ObjectKind.PRLOCK, ObjectKind.PSEMAPHORE, ObjectKind.CHILD, ObjectKind.CONNECTION),
        *(ObjectKind.LISTENER, ObjectKind.SHARED, ObjectKind.PQUEUE, ObjectKind.POOL, ObjectKind.MANAGER),
        ObjectKind.PROXY,
    }
)
"""Objects that are one and the same in all processes. Of all others a forked child has a copy of its own."""

RUNNING: Final = -(1 << 40)
"""In STATUS: the child process has not ended."""

LOCAL_KINDS: Final = frozenset({Kind.CLOCK, Kind.SEED, Kind.ENTROPY, Kind.GC, Kind.DRAW, Kind.PID, Kind.PARENT, Kind.INPUT})
"""Inputs of one actor: checked in replay, but they take no turn, for nobody else can tell when they happened."""

GENERATION, AT_REST = 3, 4
"""In GC: the bits of the generation; every other actor of the process was at an operation that it had not done."""

TEXT_KINDS: Final = frozenset({Kind.WRITE, Kind.ENTROPY, Kind.ENUMERATE, Kind.IMPORT, Kind.IMPORTED, Kind.READY, Kind.INPUT})
"""Events whose value is the index of a text."""

TAG_KINDS: Final = frozenset({Kind.PUT, Kind.GET, Kind.WAIT})
"""Events whose value, where it is not negative, holds an actor in its upper half."""

ACCESS_KINDS: Final = frozenset({Kind.LOAD, Kind.ASSIGN, Kind.UPDATE})
"""Accesses to the program's own data, recorded at granularity `access`."""

PLACE_KINDS: Final = frozenset({ObjectKind.ATTRIBUTE, ObjectKind.GLOBAL, ObjectKind.CELL, ObjectKind.ITEMS})
"""What they act on."""


def accessed(value: int) -> tuple[int, int]:
    """The value of an access: index of the text that tells which item (-1: the place has none), and how many were left out.

    Left out are accesses of the same actor since its last event that counts them: nobody else ever touched what they acted on.
    The text is the `repr` of a simple key or index, `*` for the container as a whole (iteration, `len`), `* append` where a
    method was called, `?` for a key without a stable `repr`.
    """
    return (value >> 32) - 1, value & 0xFFFFFFFF


INTERRUPTIONS: Final = frozenset({Kind.GC, Kind.SIGNAL})
"""What comes in between two operations or accesses of an actor."""


def interrupted(value: int) -> tuple[int, int]:
    """The value of a GC or SIGNAL: what it is, and how many accesses were left out since the last event that counts them.

    The count is -1 where nobody counted: at granularity `sync`.
    """
    return value & 0xFFFFFFFF, (value >> 32) - 1


SIGNAL_NUMBER: Final = 0xFF
"""Which bits of a SIGNAL's value are the number of the signal."""


def handled(value: int) -> tuple[int, int]:
    """The value of a SIGNAL: its number, and behind which instruction of the code at the call site it came, counted from 0.

    The instruction is -1 where nobody kept it. It is one of that version of CPython: `f_lasti` halved.
    """
    return value & SIGNAL_NUMBER, (value >> 8 & 0xFFFFFF) - 1


def handled_as(number: int, instruction: int) -> int:
    """The lower half of a SIGNAL's value, from what `handled` gives."""
    return number | (instruction + 1 << 8 if instruction < 0xFFFFFF else 0)


UNCOUNTED_KINDS: Final = frozenset({Kind.WRITE, Kind.GC, Kind.IMPORT, Kind.IMPORTED})
"""Events that are no steps: a `print` more, a collection or an import less does not renumber an actor's steps."""

SPAN_OPERATIONS: Final = (
    "",
    "Condition.wait",
    "Condition.wait_for",
    "Condition.notify",
    "Condition.notify_all",
    "Event.set",
    "Event.clear",
    "Event.wait",
    "Semaphore.acquire",
    "Semaphore.release",
    "Barrier.wait",
    "Barrier.reset",
    "Barrier.abort",
    "Queue.put",
    "Queue.get",
    "Queue.join",
    "Queue.task_done",
    "Executor.submit",
    "Executor.map",
    "Executor.shutdown",
    "Future.result",
    "Future.exception",
    "Future.cancel",
    "futures.wait",
    "Timer.cancel",
    "Queue.qsize",
    "Queue.empty",
    "Queue.full",
    "Future.add_done_callback",
    "Queue.shutdown",
    "Pool.apply",
    "Pool.apply_async",
    "Pool.map",
    "Pool.map_async",
    "Pool.starmap",
    "Pool.starmap_async",
    "Pool.imap",
    "Pool.imap_unordered",
    "Pool.close",
    "Pool.terminate",
    "Pool.join",
    "AsyncResult.get",
    "AsyncResult.wait",
    "AsyncResult.ready",
    "IMapIterator.next",
    "Manager.start",
    "Manager.connect",
    "Manager.create",
    "Proxy.call",
)
"""Names of spans; a span in a segment holds an index into this table."""


class Outcome(IntEnum):
    """How a run ended."""

    OK = 0
    FAILED = 1
    DEADLOCK = 2
    STALLED = 3
    KILLED = 4
    TIMEOUT = 5

    @property
    def word(self) -> str:
        """The lower-case word of the design: `ok`, `deadlock`..."""
        return self.name.lower()


class Verdict(Enum):
    """The answer of a replay, diff or exploration. It is no boolean: compare with `is`."""

    SAME = "same"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is neither true nor false: compare it, as in `verdict is Verdict.SAME`")
