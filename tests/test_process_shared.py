"""Memory that processes share: values, arrays, blocks and lists in them, under the three start methods."""

import sys
from pathlib import Path

import programs
import pytest
from start_methods import FORK_AND_FORKSERVER, FORK_AND_SPAWN, METHODS
from test_processes import again, run

import simcore
from simcore.engine.compare import compare
from simcore.trace.events import Kind, ObjectKind, Outcome, Verdict
from simcore.trace.model import Trace

RACES = """
def work(ready, bare, locked, array, shared):
    for cell in (bare, locked):
        found = cell.value
        ready.wait()
        cell.value = found + 1
        ready.wait()
    for n in range(20):
        bare.value += 1
        locked.value += 1
        array[n % 3] += 0.5
        array[0:2] = [array[1], array[0]]
        shared[0] += 1
        shared[1] = f"turn {n}"
if __name__ == "__main__":
    from multiprocessing.shared_memory import ShareableList
    ctx = mp.get_context(method)
    shared = ShareableList([0, "some text"])
    ready, bare, locked, array = ctx.Barrier(3), ctx.Value("i", 0, lock=False), ctx.Value("i", 0), ctx.RawArray("d", 3)
    found = [ctx.Process(target=work, args=(ready, bare, locked, array, shared)) for _ in range(3)]
    for process in found: process.start()
    for process in found: process.join()
    note(f"{bare.value} {locked.value} {list(array)} {list(shared)} {[process.exitcode for process in found]}")
    shared.shm.close()
    shared.shm.unlink()
"""


@pytest.mark.parametrize("method", FORK_AND_FORKSERVER)
def test_racy_counters_lose_the_same_updates(method: str) -> None:
    """Updates that were lost in the recording, in a value with a lock or without, are lost in each replay."""
    trace = run(RACES, method, switch_interval_s=1e-5)
    assert trace.outcome is Outcome.OK
    bare, locked = (int(word) for word in Path("witness").read_text().split()[:2])
    assert 1 <= bare <= 61, "two of the first three were lost"
    assert 1 <= locked <= 61
    assert trace.ending.not_controlled == []
    for _ in range(2):
        assert compare(trace, again(trace)).matched == len(trace)


def of_object(trace: Trace, label: str) -> list[tuple[Kind, int]]:
    """What was read and stored of an object, by its name in the program."""
    numbers = {index for index, known in enumerate(trace.object_labels) if known == label}
    c = trace.columns
    cells = zip(c.object, c.kind, c.value, strict=True)
    return [(Kind(kind), value) for number, kind, value in cells if number in numbers and kind in (Kind.READ, Kind.STORE)]


def test_events_say_what_was_read_and_stored() -> None:
    """Integers stand for themselves, floats as their bits, equal contents as equal numbers; each has the line of the user's."""
    trace = run(
        """
count = mp.Value("i", 3)
share = mp.RawArray("d", 2)
word = mp.Array("c", b"ab")
count.value += 4
share[1] = 1.5
share[:]
word.value = b"x"
word[0] = b"y"
word.value = b"x"
large = mp.RawValue("Q", 1)
large.value = 2**64 - 1
large.value
""",
        "fork",
    )
    assert of_object(trace, "count") == [(Kind.READ, 3), (Kind.STORE, 7)]
    assert of_object(trace, "large") == [(Kind.STORE, -1), (Kind.READ, -1)]
    assert of_object(trace, "share")[0] == (Kind.STORE, 0x3FF8000000000000)
    words = [value for _, value in of_object(trace, "word")]
    assert words[0] == words[2] != words[1]
    accesses = [event for event in trace if event.kind in (Kind.READ, Kind.STORE)]
    assert {(event.site.file.rpartition("/")[2], event.site.function) for event in accesses} == {("program.py", "<module>")}
    assert len({event.site.line for event in accesses}) == 8
    locks = [event for event in trace if event.kind is Kind.ACQUIRE and event.object.startswith("main:prlock")]
    assert {event.site.function for event in locks} == {"<module>"}, "no line of the text that the library makes them of"


SEEN = """
import ctypes, multiprocessing as mp, pickle, re, traceback
from multiprocessing import shared_memory, sharedctypes
class Point(ctypes.Structure): _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]
class Own(ctypes.c_int): pass
class Index:
    def __init__(self, n): self.n = n
    def __index__(self): return self.n
def show(does):
    try: print(re.sub("0x[0-9a-f]+", "0x", repr(does())))
    except BaseException: print(traceback.format_exc())
def put(target, place, item):
    target[place] = item
    return list(target)
def be(target, name, item):
    setattr(target, name, item)
    return getattr(target, name)
value, bare, real, own = mp.Value("i", 3), mp.RawValue("i", 4), mp.Value("d", 1.5, lock=False), mp.RawValue(Own, 5)
array, short, text, wide = mp.Array("i", [1, 2, 3]), mp.RawArray("h", 5), mp.Array("c", b"hello"), mp.RawArray("u", "text")
point, points, rows = mp.Value(Point, 1, 2.5), mp.RawArray(Point, [(1, 2.0), (3, 4.0)]), mp.RawArray(ctypes.c_int * 3, 2)
for each in (value, bare, real, own, array, short, text, wide, point, points, rows):
    show(lambda: (type(each), type(each).__name__, type(each).__module__, isinstance(each, ctypes._SimpleCData), each))
for each in (bare, real, own, short, wide, points, rows):
    show(lambda: (sorted(vars(each)), ctypes.sizeof(each), bool(each)))
for item in (9, "x", 1.5, None, True, 2**40 + 5, Index(77)):
    show(lambda: be(value, "value", item))
    show(lambda: be(bare, "value", item))
    show(lambda: be(real, "value", item))
    show(lambda: be(own, "value", item))
    show(lambda: put(array, 1, item))
    show(lambda: put(array, slice(0, 2), [item, 4]))
for place in (1, 9, -1, slice(0, 2), slice(None, None, -1), "x", Index(1), slice(Index(0), 2), None):
    show(lambda: array[place])
    show(lambda: put(short, place, 7))
    show(lambda: put(short, place, (7, 8)))
for items in ([7], "ab", range(2), (n for n in (1, 2)), None, 5, {1: 2, 3: 4}):
    show(lambda: put(array, slice(0, 2), items))
show(lambda: (list(short), 3 in short, len(short), [n for n in short]))
for item in (b"ab", "ab", b"longer than that", bytearray(b"xy"), 5):
    show(lambda: be(text, "value", item))
    show(lambda: be(text, "raw", item))
    show(lambda: put(text, 0, item))
    show(lambda: be(wide, "value", item))
show(lambda: (text[0:2], wide[:], wide[1]))
show(lambda: (be(point, "x", 5), point.y, points[1].x, rows[1][2], put(rows[1], 2, 6), rows[1][2], put(points, 0, (9, 9.0))[0].y))
show(lambda: be(point, "x", "5"))
show(lambda: put(points, 0, 5))
show(lambda: (sharedctypes.copy(bare).value, list(sharedctypes.copy(short)), sharedctypes.synchronized(own).value))
show(lambda: (ctypes.pointer(bare)[0], bytes(memoryview(short)), be(ctypes.c_int(1), "value", 2), (ctypes.c_int * 3)(1, 2)[:2]))
for does in (lambda: mp.Value("z", 1), lambda: mp.Value("i", "x"), lambda: mp.Array("i", ["x"]), lambda: mp.Value("i", lock=5)):
    show(does)
show(lambda: pickle.dumps(value))
show(lambda: pickle.dumps(bare))
block = shared_memory.SharedMemory("simcore-seen", create=True, size=50)
other = shared_memory.SharedMemory("simcore-seen")
block.buf[1] = 5
show(lambda: (other.buf[1], other.size, other.name, other, sorted(vars(other))[:3]))
for arguments in ({}, {"create": True}, {"create": True, "size": -1}, {"create": True, "size": "x"}):
    show(lambda: shared_memory.SharedMemory(**arguments))
show(lambda: shared_memory.SharedMemory("simcore-seen", create=True, size=50))
other.close(); block.close(); block.unlink()
show(lambda: block.unlink())
show(lambda: shared_memory.SharedMemory("simcore-seen"))
shared = shared_memory.ShareableList([1, 2.5, "text", b"by", None, True], name="simcore-seen")
show(lambda: (shared, shared.format, len(shared), list(shared), shared.index("text"), shared.count(1)))
for place, item in ((2, "o"), (2, "x" * 50), (0, [1]), (9, 1), (-1, 3), ("x", 1), (slice(0, 2), 1)):
    show(lambda: put(shared, place, item))
    show(lambda: shared[place])
show(lambda: shared.index(99))
same = shared_memory.ShareableList(name="simcore-seen")
show(lambda: list(same))
same.shm.close(); shared.shm.close(); shared.shm.unlink()
show(lambda: shared_memory.ShareableList(name="simcore-seen"))
for items in (range(3), [], [[1]], iter([1, 2])):
    try: made = shared_memory.ShareableList(items, name="simcore-seen")
    except BaseException:
        print(traceback.format_exc())
        try: shared_memory.SharedMemory("simcore-seen").unlink()
        except FileNotFoundError as error: print(error)
    else:
        print(list(made)); made.shm.close(); made.shm.unlink()
"""


def test_the_program_sees_what_a_plain_run_shows() -> None:
    """Types, values, conversions, errors and their tracebacks are those of a plain run, recorded and replayed."""
    plain = programs.plain(SEEN)
    trace, recorded = programs.record(SEEN)
    assert plain.code == 0
    assert recorded.out.decode().splitlines() == plain.out.decode().splitlines()
    assert (recorded.err, recorded.code) == (plain.err, plain.code)
    answer, replayed = programs.replay(trace)
    programs.assert_same(answer)
    assert replayed == recorded


BLOCKS = """
from multiprocessing.shared_memory import ShareableList, SharedMemory
NAME = "simcore-test-blocks"
def work(ready, shared):
    same = ShareableList(name=shared.shm.name)
    ready.wait()
    try: SharedMemory(NAME, create=True, size=64).close()
    except FileExistsError: print("found", SharedMemory(NAME).size >= 64)
    else: print("made")
    same[0] += 1
    shared[0] += 1
    for opened in (same, shared): opened.shm.close()
    ready.wait()
    try: SharedMemory(NAME).unlink()
    except FileNotFoundError: print("gone")
    else: print("removed")
if __name__ == "__main__":
    ctx = mp.get_context(method)
    ready = ctx.Barrier(3)
    shared = ShareableList([0])
    found = [ctx.Process(target=work, args=(ready, shared)) for _ in range(3)]
    for process in found: process.start()
    for process in found: process.join()
    note(f"{list(shared)} {[process.exitcode for process in found]}")
    shared.shm.close()
    shared.shm.unlink()
"""


@pytest.mark.parametrize("method", FORK_AND_SPAWN)
def test_who_creates_and_removes_a_block_is_part_of_the_order(method: str) -> None:
    """One of three makes it, the others find it; one removes it, the others may find it gone: the same ones in each replay."""
    trace = run(BLOCKS, method, switch_interval_s=1e-5)
    assert trace.outcome is Outcome.OK
    said = [str(trace.texts[event.value]) for event in trace if event.kind is Kind.WRITE]
    assert sum("made" in text for text in said) == 1
    assert sum("found" in text for text in said) == 2
    reads = of_object(trace, "shared")
    assert {kind for kind, _ in reads} == {Kind.READ, Kind.STORE}, "attached by its name it is the same object"
    assert len([value for kind, value in reads if kind is Kind.READ]) >= 6
    for _ in range(2):
        assert compare(trace, again(trace)).matched == len(trace)


def test_what_cannot_be_seen_is_noted() -> None:
    """Views of shared memory and fields of structures are named; what goes through Python is not."""
    source = """
import ctypes
from multiprocessing.shared_memory import SharedMemory
class Point(ctypes.Structure): _fields_ = [("x", ctypes.c_int)]
locked = mp.Value(Point, 1)
locked.x += 1
bare = mp.Array("i", 3, lock=False)
block = SharedMemory("simcore-noted", create=True, size=9)
if method == "unseen":
    mp.RawValue(Point, 1).x = 5
    memoryview(bare).cast("B")[0] = 1
    for n in range(3): block.buf[n] = n
bare[1:] = bare[:2]
block.close()
block.unlink()
"""
    assert run(source, "seen").ending.not_controlled == []
    views = "2 shared memory views" if sys.version_info >= (3, 12) else "1 shared memory view"  # who asks for a buffer is seen
    assert set(run(source, "unseen").ending.not_controlled) == {f"{views} (simcore-noted)", "1 shared structure (Point)"}


def test_memory_of_ones_own_is_no_event() -> None:
    """Instances of the same types that no other process can see are none of the recording's business."""
    trace = run(
        """
import ctypes
shared, array = mp.RawValue("i", 1), mp.RawArray("i", 3)
mine, row = ctypes.c_int(5), (ctypes.c_int * 3)(1, 2, 3)
mine.value += 1
row[1] = row[0]
note(f"{mine.value} {row[:]} {type(mine) is type(shared)} {type(row) is type(array)}")
""",
        "fork",
    )
    assert Path("witness").read_text() == "6 [1, 1, 3] True True\n"
    assert not [event for event in trace if event.kind in (Kind.READ, Kind.STORE)]


def test_code_of_the_program_runs_under_no_lock_of_the_recorder() -> None:
    """What converts a value may take locks and use shared values itself, while others do."""
    source = """
class Index:
    def __index__(self):
        with lock: return value.value % 3
class Slow:
    def __index__(self):
        with lock:
            other.value += 1
            return other.value
def work():
    for _ in range(20):
        value.value = Slow()
        array[Index()] = Slow()
        array[0:2] = [Slow(), 1]
        with lock: value.value
lock, value, other, array = threading.Lock(), mp.RawValue("i"), mp.RawValue("i"), mp.RawArray("i", 3)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
note(f"{value.value} {other.value} {array[:]}")
"""
    trace = run(source, "fork", switch_interval_s=1e-5)
    assert trace.outcome is Outcome.OK
    assert Path("witness").read_text().split()[1] == "180"
    again(trace)


@pytest.mark.parametrize("method", FORK_AND_SPAWN)
def test_a_child_killed_within_an_access_stops_nobody(method: str) -> None:
    """The recorder's lock is given back by the kernel, and the others go on."""
    source = """
def work(value):
    from simcore.runtime.processes import accesses
    value.value += 1
    accesses._lock()
    os.kill(os.getpid(), 9)
if __name__ == "__main__":
    ctx = mp.get_context(method)
    value = ctx.RawValue("i")
    process = ctx.Process(target=work, args=(value,))
    process.start()
    process.join()
    value.value += 1
    note(f"{value.value} {process.exitcode}")
"""
    trace = run(source, method)
    assert trace.outcome is Outcome.OK
    assert Path("witness").read_text() == "2 -9\n"
    again(trace)


def test_a_child_forked_during_an_access_has_a_lock_of_its_own() -> None:
    """Another thread may be in the middle of an access when a process is forked; the child waits for it, and no longer."""
    source = """
def hold(taken, free):
    from simcore.runtime.processes import accesses
    accesses._lock()
    taken.set()
    free.wait()
    accesses._unlock()
def work(value):
    value.value += 1
ctx = mp.get_context("fork")
value, taken, free = ctx.RawValue("i"), threading.Event(), threading.Event()
thread = threading.Thread(target=hold, args=(taken, free))
thread.start()
taken.wait()
process = ctx.Process(target=work, args=(value,))
process.start()
free.set()
process.join()
thread.join()
value.value += 1
note(f"{value.value} {process.exitcode}")
"""
    trace = run(source, "fork")
    assert Path("witness").read_text() == "2 0\n"
    again(trace)


def test_a_child_that_closes_all_descriptors_goes_on() -> None:
    """As a daemon does: the recorder's file is opened again, and no other file is taken for it."""
    source = """
def work(value):
    value.value += 1
    os.closerange(3, 2000)
    with open("own", "w") as own:
        for _ in range(5): value.value += 1
        own.write(str(value.value))
ctx = mp.get_context("fork")
value = ctx.RawValue("i")
process = ctx.Process(target=work, args=(value,))
process.start()
process.join()
note(f"{value.value} {process.exitcode} {open('own').read()}")
"""
    trace = run(source, "fork")
    assert Path("witness").read_text() == "6 0 6\n"
    assert len([event for event in trace if event.kind is Kind.STORE]) == 6
    again(trace)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("value.value = int(open('input').read())", "writes 2, in the trace it writes 1"),
        ("memoryview(value).cast('B')[0] = int(open('input').read()); value.value", "reads 2, in the trace it reads 1"),
    ],
)
def test_another_content_is_a_divergence(source: str, said: str) -> None:
    """A replay that comes to read or store something else says what, and where."""
    Path("input").write_text("1")
    trace = run(f"value = mp.RawValue('i')\n{source}\n", "fork")
    Path("input").write_text("2")
    (replayed,) = simcore.replay(trace).runs
    assert replayed.divergence is not None
    assert said in replayed.divergence.reason
    Path("input").write_text("1")
    assert simcore.replay(trace).verdict is Verdict.SAME


def test_names_agree_between_start_methods() -> None:
    """The shared objects that the program makes have the same names, however its children come to know them."""
    names = []
    for method in METHODS:
        trace = run(RACES, method)
        names.append(
            {name for name, info in zip(trace.object_names, trace.objects, strict=True) if info.kind is ObjectKind.SHARED}
        )
    made = {f"main:shared{n}" for n in range(1, 5)}
    assert names[0] == made
    assert all(made <= found for found in names)
