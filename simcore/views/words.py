"""How a trace is put into words: one place, so that every screen calls a thing by the same name.

Whatever comes out of a trace passes through `clean`: a trace may be hostile, and a terminal obeys escape sequences.
"""

from __future__ import annotations

import math

from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Site, Trace, float_of_bits

OBJECT_WORDS = {
    ObjectKind.LOCK: "Lock",
    ObjectKind.RLOCK: "RLock",
    ObjectKind.THREAD: "Thread",
    ObjectKind.SIMPLEQUEUE: "SimpleQueue",
    ObjectKind.CONDITION: "Condition",
    ObjectKind.EVENT: "Event",
    ObjectKind.SEMAPHORE: "Semaphore",
    ObjectKind.BARRIER: "Barrier",
    ObjectKind.QUEUE: "Queue",
    ObjectKind.EXECUTOR: "Executor",
    ObjectKind.FUTURE: "Future",
    ObjectKind.TIMER: "Timer",
    ObjectKind.WAITER: "the lock of one Condition.wait",
}

LONGEST_TEXT = 60

WAITING = frozenset({Kind.ACQUIRE, Kind.GET, Kind.PUT, Kind.JOIN, Kind.IMPORT})
"""Kinds whose time of waiting is worth a word; a sleep waits as long as it says."""


def clean(text: str) -> str:
    """The text with everything that is not printable escaped, line ends included."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shorten(text: str, width: int = LONGEST_TEXT) -> str:
    """The text, cut in the middle with `...` when it is longer than `width`."""
    if len(text) <= width:
        return text
    head = (width - 3) * 2 // 3
    return f"{text[:head]}...{text[len(text) - (width - 3 - head) :]}"


def duration(ns: int) -> str:
    """A time in the unit that fits: `0.21 s`, `5.1 ms`, `45 us`."""
    if ns < 0:
        return f"-{duration(-ns)}"
    if ns >= 100_000_000:
        seconds = ns / 1e9
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.1f} s" if seconds < 1000 else f"{seconds:,.0f} s"
    if ns >= 1_000_000:
        return f"{ns / 1e6:.1f} ms"
    return f"{ns / 1e3:.0f} us" if ns >= 1000 else f"{ns} ns"


def size(n_bytes: int) -> str:
    """A size in the unit that fits: `812 B`, `3.1 KB`, `1.2 MB`."""
    amount = float(n_bytes)
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{n_bytes} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 event`, `1,208 events`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def join(words: list[str], last: str = "and") -> str:
    """Words as a person lists them: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def process_of(actor: str) -> str:
    """The process that an actor belongs to, by the name of its main thread: `main.1` for `main.1/3`."""
    head, slash, tail = actor.rpartition("/")
    while slash and tail.isdigit():
        actor = head
        head, slash, tail = actor.rpartition("/")
    return actor


class Words:
    """Puts the events of one trace into words. Holds what must be looked up once per trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._of_thread: dict[int, int] | None = None

    def actor(self, index: int) -> str:
        """`main/1 "producer"`, or the path alone when the program gave no name."""
        info = self.trace.actors[index]
        name = clean(info.name)
        return f'{name} "{clean(info.thread_name)}"' if info.thread_name and info.thread_name != "MainThread" else name

    def short_actor(self, index: int) -> str:
        """The name that the program gave the thread where it gave one, else the path."""
        info = self.trace.actors[index]
        return clean(info.thread_name if info.thread_name and info.thread_name != "MainThread" else info.name)

    def object(self, index: int) -> str:
        """What a person calls the object, without quotes."""
        return clean(self.trace.object_labels[index])

    def object_in_full(self, index: int) -> str:
        """`balance_lock` with its kind and the place where it was made: "`balance_lock` (Lock, mutex.py:31)"."""
        info = self.trace.objects[index]
        site = self.site(self.trace.sites[info.site])
        about = ", ".join(part for part in (OBJECT_WORDS.get(info.kind, ""), site) if part)
        return f"`{self.object(index)}`" + (f" ({about})" if about else "")

    def site(self, site: Site) -> str:
        """`bank.py:27`, or nothing for an unknown place."""
        return clean(str(site))

    def site_in_full(self, site: Site) -> str:
        """`bank.py:27 in add`, or nothing for an unknown place."""
        where = self.site(site)
        function = clean(site.function.rpartition(".")[2])
        return f"{where} in {function}" if where and function else where

    def text(self, index: int) -> str:
        """A recorded text in quotes and shortened; a text that is missing from the trace is said to be."""
        if not 0 <= index < len(self.trace.texts):
            return "a text that the trace does not have"
        text = self.trace.texts[index]
        return f"{len(text)} bytes" if isinstance(text, bytes) else f'"{shorten(clean(text))}"'

    def written(self, stream: int, text: str) -> str:
        """What was written to a stream: `stdout: "done\\n"`."""
        return f'{self.object(stream)}: "{shorten(clean(text))}"'

    def item(self, tag: int) -> str:
        """An item of a queue by who put it: `item 3 of producer`."""
        actor = tag >> 32
        who = self.short_actor(actor) if 0 <= actor < len(self.trace.actors) else f"actor {actor}"
        return f"item {tag & 0xFFFFFFFF} of {who}"

    def thread_actor(self, thread: int) -> int | None:
        """The actor that a Thread object stands for, None for one that was never started in this trace."""
        if self._of_thread is None:
            self._of_thread = {}
            columns = self.trace.columns
            kinds = columns.kind.tobytes()
            position = kinds.find(Kind.START)
            while position >= 0:
                started = columns.value[position]
                if 0 <= started < len(self.trace.actors):
                    self._of_thread[columns.object[position]] = started
                position = kinds.find(Kind.START, position + 1)
        return self._of_thread.get(thread)

    def thread(self, thread: int) -> str:
        """The actor that a Thread object stands for, in words."""
        actor = self.thread_actor(thread)
        return self.object(thread) if actor is None else self.short_actor(actor)

    def event(self, position: int) -> str:
        """What the event at a position did, as a phrase without its actor: `took balance_lock after 45 us`."""
        columns = self.trace.columns
        kind, thing, value = Kind(columns.kind[position]), columns.object[position], columns.value[position]
        waited = columns.waited_us[position] * 1000
        phrase = self._phrase(kind, thing, value)
        return f"{phrase} after {duration(waited)}" if waited and kind in WAITING else phrase

    def operation(self, kind: Kind, thing: int) -> str:
        """An operation that has not completed: `take balance_lock`, `join worker-1`."""
        if kind is Kind.JOIN:
            return f"join {self.thread(thing)}"
        verb = {Kind.ACQUIRE: "take", Kind.GET: "get from", Kind.PUT: "put into", Kind.WRITE: "write to", Kind.RELEASE: "release"}
        name = self.object(thing)
        return f"{verb.get(kind, kind.name.lower().replace('_', ' '))} {name}".rstrip()

    def _phrase(self, kind: Kind, thing: int, value: int) -> str:
        name = self.object(thing)
        answer = {0: "no", 1: "yes"}.get(value, str(value))
        match kind:
            case Kind.ACQUIRE:
                return {1: f"took {name}", 0: f"tried {name}: not free", -1: f"gave up on {name}"}.get(value, f"{name}: {value}")
            case Kind.RELEASE:
                return f"released {name}"
            case Kind.UNDO:
                return f"release of {name} failed"
            case Kind.START:
                known = 0 <= value < len(self.trace.actors)
                return f"started {self.actor(value) if known else name}"
            case Kind.BEGIN:
                return "began"
            case Kind.END:
                return "ended by an exception" if value else "ended"
            case Kind.JOIN:
                return f"joined {self.thread(thing)}" if value else f"gave up on joining {self.thread(thing)}"
            case Kind.PUT:
                return f"put {self.item(value)} into {name}"
            case Kind.GET:
                ways = {-1: f"tried {name}: empty", -2: f"gave up on {name}: empty"}
                return ways[value] if value in ways else f"got {self.item(value)} from {name}"
            case Kind.SLEEP:
                return f"slept {duration(value)}"
            case Kind.WRITE:
                return f"{name}: {self.text(value)}"
            case Kind.CLOCK:
                return f"{name} = {value if name.endswith('_ns') else _float(value)}"
            case Kind.SEED:
                return f"random seeded with {value}"
            case Kind.ENTROPY:
                return f"drew {self.text(value)} of entropy"
            case Kind.DRAW:
                return "drew a random number"
            case Kind.GC:
                return f"collected garbage (generation {value})"
            case Kind.SIGNAL:
                return f"handler of signal {_signal(value)} ran"
            case Kind.EXIT:
                return f"the process exits with {value}" if value else "the process ends"
            case Kind.PAUSE:
                return "signal.pause returned"
            case Kind.IMPORT | Kind.IMPORTED:
                return f"{'took' if kind is Kind.IMPORT else 'released'} the import lock of {self.text(value)}"
            case Kind.IS_ALIVE:
                return f"is_alive of {self.thread(thing)}? {answer}"
            case Kind.LOCKED | Kind.IS_SET | Kind.EMPTY | Kind.BROKEN:
                return f"{name} {kind.name.lower()}? {answer}"
            case Kind.QSIZE | Kind.N_WAITING:
                return f"{name} {kind.name.lower()} = {value}"
            case Kind.COUNT:
                return f"counted {count(value, 'living thread')}"
            case Kind.ENUMERATE:
                return f"listed the threads: {self.text(value)}"
            case _:
                return f"{kind.name.lower()} {name} {value}"


def _float(value: int) -> str:
    number = float_of_bits(value)
    return f"{number:.6f}" if math.isfinite(number) else str(number)


def _signal(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
