"""How a trace is put into words: one place, so that every screen calls a thing by the same name."""

from __future__ import annotations

import math
from collections import Counter
from functools import cached_property
from typing import Final

from simcore.trace.events import ACCESS_KINDS, GENERATION, RUNNING, TEXT_KINDS, Kind, ObjectKind, accessed, handled
from simcore.trace.model import Site, Trace, float_of_bits, process_of
from simcore.trace.phrases import BY_VALUE, FIXED, OTHERWISE, WANTED, Tense, conjugated
from simcore.trace.text import clean, count, duration, exit_words, join, shorten, signal_name
from simcore.trace.twins import REENTRANT

OBJECT_WORDS: Final = {
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
    ObjectKind.PLOCK: "multiprocessing.Lock",
    ObjectKind.PRLOCK: "multiprocessing.RLock",
    ObjectKind.PSEMAPHORE: "multiprocessing.Semaphore",
    ObjectKind.CHILD: "Process",
    ObjectKind.CONNECTION: "Connection",
    ObjectKind.LISTENER: "Listener",
    ObjectKind.SHARED: "shared memory",
    ObjectKind.PQUEUE: "multiprocessing.Queue",
    ObjectKind.POOL: "Pool",
    ObjectKind.MANAGER: "Manager",
    ObjectKind.PROXY: "Proxy",
    ObjectKind.ATTRIBUTE: "attribute",
    ObjectKind.GLOBAL: "global",
    ObjectKind.CELL: "closure variable",
    ObjectKind.ITEMS: "container",
}

WAITING: Final = frozenset(
    {
        *(Kind.ACQUIRE, Kind.GET, Kind.PUT, Kind.JOIN, Kind.IMPORT, Kind.SEND, Kind.RECV, Kind.WAIT),
        *(Kind.ACCEPT, Kind.CONNECT, Kind.POLL, Kind.READY),
    }
)
"""Kinds whose time of waiting is worth a word; a sleep waits as long as it says."""

SMALL: Final = 1_000_000
"""Values of shared memory below this are shown as the numbers they most likely are."""

FAILED_ACCESS: Final = -(1 << 63)
"""Value of an access to shared memory that raised an error."""

SHORT_NAME: Final = 16
"""A thread with a longer name is called by its path where there is little room."""

RUNNERS: Final = frozenset({ObjectKind.THREAD, ObjectKind.CHILD})
"""Objects that stand for an actor: what is done to them is told by its name."""

_UNQUOTED: Final = RUNNERS | {ObjectKind.STREAM, ObjectKind.CLOCK, ObjectKind.PROCESS, ObjectKind.NONE, ObjectKind.IMPORTS}


class Words:
    """Puts the events of one trace into words. Holds what must be looked up once per trace.

    With `exact` things are called so that another run can be set beside: actors by their paths, objects in backquotes.
    """

    def __init__(self, trace: Trace, *, exact: bool = False) -> None:
        self.trace = trace
        self.exact = exact
        self._of_runner: dict[int, int] | None = None

    def actor(self, index: int) -> str:
        """`main/1 "producer"`, or the path alone when the program gave no name."""
        info = self.trace.actors[index]
        name = clean(info.name)
        given = info.thread_name and info.thread_name != "MainThread" and not self.exact
        return f'{name} "{clean(info.thread_name)}"' if given else name

    def short_actor(self, index: int) -> str:
        """The name that the program gave the thread where it gave one, and to no other one, else the path."""
        info = self.trace.actors[index]
        given = info.thread_name not in self._unclear and not self.exact
        return clean(info.thread_name if given else info.name)

    @cached_property
    def _unclear(self) -> frozenset[str]:
        """Names of threads that tell nobody which thread is meant."""
        given = Counter(info.thread_name for info in self.trace.actors)
        return frozenset(name for name, times in given.items() if times > 1 or name in ("", "MainThread"))

    @cached_property
    def _depths(self) -> dict[int, str]:
        """What to add to the events of re-entrant locks: how deep one was held from then on, where that is not once or free."""
        things = {index for index, info in enumerate(self.trace.objects) if info.kind in REENTRANT}
        columns, depths, found = self.trace.columns, dict.fromkeys(things, 0), dict[int, str]()
        if not things:
            return found
        for position, (kind, thing, value) in enumerate(zip(columns.kind, columns.object, columns.value, strict=True)):
            if thing not in things or kind not in (Kind.ACQUIRE, Kind.RELEASE) or value <= 0:
                continue
            depths[thing] = max(0, depths[thing] + (value if kind == Kind.ACQUIRE else -value))
            if depths[thing] > (kind == Kind.ACQUIRE):
                found[position] = f", {'still ' if kind == Kind.RELEASE else ''}{depths[thing]} deep"
        return found

    def brief_actor(self, index: int) -> str:
        """The same where it is short, else the path."""
        name = self.short_actor(index)
        return name if len(name) <= SHORT_NAME else clean(self.trace.actors[index].name)

    def object(self, index: int) -> str:
        """What a person calls the object, without quotes; `lock@main.1` is the copy that the forked child `main.1` has."""
        return clean(self.trace.object_labels[index])

    def called(self, index: int) -> str:
        """The object in a sentence: a thread or process by its actor, others by their names, in backquotes when `exact`."""
        kind = self.trace.objects[index].kind
        if kind in RUNNERS:
            return self.runner(index)
        name = self.object(index)
        return f"`{name}`" if self.exact and name and kind not in _UNQUOTED else name

    def object_in_full(self, index: int) -> str:
        """`balance_lock` with its kind and the place where it was made: "`balance_lock` (Lock, mutex.py:31)"."""
        info = self.trace.objects[index]
        site = self.site(self.trace.sites[info.site])
        copy = f"the copy of {clean(info.process)}" if info.process else ""
        about = ", ".join(part for part in (OBJECT_WORDS.get(info.kind, ""), site, copy) if part)
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
        text = self._recorded(index)
        if text is None:
            return "a text that the trace does not have"
        return f"{len(text)} bytes" if isinstance(text, bytes) else f'"{shorten(clean(text))}"'

    def written(self, stream: int, text: str) -> str:
        """What was written to a stream: `stdout: "done\\n"`."""
        return f'{self.object(stream)}: "{shorten(clean(text))}"'

    def item(self, tag: int) -> str:
        """An item of a queue by who put it: `item 3 of producer`."""
        return f"item {tag & 0xFFFFFFFF} of {self._who(tag >> 32)}"

    def runner_actor(self, index: int) -> int | None:
        """The actor that a Thread or Process stands for, None for one that was never started in this trace."""
        if self._of_runner is None:
            self._of_runner = runner_actors(self.trace)
        return self._of_runner.get(index)

    def runner(self, index: int) -> str:
        """The actor that a Thread or Process stands for, in words."""
        actor = self.runner_actor(index)
        return self.object(index) if actor is None else self.short_actor(actor)

    def event(self, position: int) -> str:
        """What the event at a position did, as a phrase without its actor: `took balance_lock after 45 us`."""
        columns = self.trace.columns
        kind, waited = Kind(columns.kind[position]), columns.waited_us[position] * 1000
        if kind is Kind.WRITE:
            return f"{self.object(columns.object[position])}: {self.text(columns.value[position])}"
        phrase = self.done(position) + self._depths.get(position, "")
        return f"{phrase} after {duration(waited)}" if waited and kind in WAITING else phrase

    def done(self, position: int) -> str:
        """The same without the wait: `took balance_lock`."""
        return self._phrase(position, Tense.PAST)

    def action(self, position: int) -> str:
        """The same in the present tense, without the wait: `takes balance_lock`."""
        return self._phrase(position, Tense.PRESENT)

    def operation(self, kind: Kind, thing: int, tense: Tense = Tense.INFINITIVE) -> str:
        """An operation whose result is not known, or does not matter: `take balance_lock`, `join worker-1`."""
        sentence = WANTED.get(kind)
        if sentence is None:
            return f"{kind.name.lower().replace('_', ' ')} {self.called(thing)}".rstrip()
        if kind is Kind.CONNECT and self.trace.objects[thing].kind is ObjectKind.PROCESS:
            sentence = "[connect]"
        return conjugated(sentence, tense).format(self.called(thing))

    def _phrase(self, position: int, tense: Tense) -> str:
        columns = self.trace.columns
        kind, thing, value = Kind(columns.kind[position]), columns.object[position], columns.value[position]
        sentence = self._sentence(kind, thing, value)
        if kind in ACCESS_KINDS:
            return conjugated(sentence, tense).format(self.accessed(position))
        if not sentence:
            return f"{kind.name.lower()} {self.called(thing)} {value}"
        return conjugated(sentence, tense).format(self.called(thing), self._detail(position))

    def accessed(self, position: int) -> str:
        """What an access is of, as the program writes it: `account.balance`, `counts['a']`, `results.append`."""
        columns = self.trace.columns
        thing = columns.object[position]
        item, _ = accessed(columns.value[position])
        text = self._recorded(item) if item >= 0 else None
        if not isinstance(text, str):
            return self.called(thing)
        key, _, method = shorten(clean(text)).partition(" ") if text[:1] in "*?" else ("", "", "")
        name = self.object(thing)
        whole = f"{name}.{method}" if method else name if key else f"{name}[{shorten(clean(text))}]"
        return f"`{whole}`" if self.exact else whole

    def _sentence(self, kind: Kind, thing: int, value: int) -> str:
        what = self.trace.objects[thing].kind
        match kind:
            case Kind.RELEASE if what is ObjectKind.WAITER:
                return "[wake] {1}"
            case Kind.START:
                return "[start] process {1}" if what is ObjectKind.CHILD else "[start] {1}"
            case Kind.BEGIN:
                return "[begin] as process {1}" if what is ObjectKind.CHILD else "[begin]"
            case Kind.JOIN:
                if value == (RUNNING if what is ObjectKind.CHILD else 0):
                    return "[give] up on joining {0}"
                return "[join] {0} ({1})" if what is ObjectKind.CHILD else "[join] {0}"
            case Kind.STATUS:
                return "[find] {0} running" if value == RUNNING else "[find] {0} ended ({1})"
            case Kind.READ | Kind.STORE:
                verb, link = ("read", "from") if kind is Kind.READ else ("store", "into")
                if value == FAILED_ACCESS:
                    return f"[fail] to {verb} {link} {{0}}"
                # A small number is what was read or written; other contents are told by a checksum.
                return f"[{verb}] {{1}} {link} {{0}}" if abs(value) < SMALL else f"[{verb}] {link} {{0}}"
            case Kind.VALUE if value < 0:
                return "[find] {0} gone"
            case Kind.CONNECT if what is ObjectKind.PROCESS:
                return "[connect]" if value > 0 else "[fail] to connect"
            case Kind.SEED if value == 0:
                return "[seed] a random generator"
        return FIXED.get(kind) or BY_VALUE.get(kind, {}).get(value) or OTHERWISE.get(kind, "")

    def _detail(self, position: int) -> str:
        """What else there is to say of an event: its value, as a person reads it."""
        columns = self.trace.columns
        kind, thing, value = Kind(columns.kind[position]), columns.object[position], columns.value[position]
        if kind in TEXT_KINDS:
            return self._text_detail(kind, columns.actor[position], value)
        match kind:
            case Kind.RELEASE:
                return self._who(self.trace.objects[thing].creator)
            case Kind.START:
                return self.actor(value) if 0 <= value < len(self.trace.actors) else self.called(thing)
            case Kind.PUT | Kind.GET:
                return f"task {value & 0xFFFFFFFF}" if self.trace.objects[thing].kind is ObjectKind.POOL else self.item(value)
            case Kind.SLEEP:
                return duration(value)
            case Kind.CLOCK:
                return str(value) if self.object(thing).endswith("_ns") else _float(value)
            case Kind.SIGNAL:
                return signal_name(handled(value)[0])
            case Kind.KILL:
                return signal_name(value)
            case Kind.JOIN | Kind.STATUS | Kind.EXIT:
                return exit_words(value)
            case Kind.COUNT:
                return count(value, "living thread")
            case Kind.GC:
                return str(value & GENERATION)
            case Kind.QSIZE:
                return count(value, "item")
            case Kind.SEND | Kind.RECV:
                return count(value, "byte")
            case Kind.WAIT:
                status = value & 0xFFFFFFFF
                code = -(status & 0x7F) if status & 0x7F else status >> 8
                return f"{self._who(value >> 32)} end ({exit_words(code)})"
        return str(value)

    def _text_detail(self, kind: Kind, actor: int, value: int) -> str:
        text = self._recorded(value)
        if text is None or isinstance(text, bytes):
            return self.text(value)
        match kind:
            case Kind.READY:
                numbers = [clean(number) for number in text.split(",") if number]
                return f"number {join(numbers)}" if numbers else "none"
            case Kind.ENUMERATE:
                names = [clean(name) for name in text.split("\n") if name]
                here = self.trace.processes[actor]
                what = "the living threads" if any(process_of(name) == here for name in names) else "its child processes"
                return f"{what}: {shorten(', '.join(names)) or 'none'}"
            case Kind.IMPORT | Kind.IMPORTED:
                return shorten(clean(text))
        return self.text(value)

    def _recorded(self, index: int) -> str | bytes | None:
        return self.trace.texts[index] if 0 <= index < len(self.trace.texts) else None

    def _who(self, actor: int) -> str:
        return self.short_actor(actor) if 0 <= actor < len(self.trace.actors) else f"actor {actor}"


def runner_actors(trace: Trace) -> dict[int, int]:
    """Per object that stands for a thread or process, by index, the actor that it was started as; copies of it included."""
    columns = trace.columns
    kinds = columns.kind.tobytes()
    found: dict[int, int] = {}
    position = kinds.find(Kind.START)
    while position >= 0:
        if 0 <= columns.value[position] < len(trace.actors):
            found.setdefault(columns.object[position], columns.value[position])
        position = kinds.find(Kind.START, position + 1)
    originals = {trace.objects[thing][:3]: actor for thing, actor in found.items()}
    for thing, info in enumerate(trace.objects):
        if info.process and info[:3] in originals:
            found.setdefault(thing, originals[info[:3]])
    return found


def _float(value: int) -> str:
    number = float_of_bits(value)
    return f"{number:.6f}" if math.isfinite(number) else str(number)
