"""Writes traces down from lines of words: for tests that must say exactly what two runs did."""

from __future__ import annotations

from simcore.diffing import Diff
from simcore.diffing.result import ObjectDiff
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind
from simcore.trace.model import ActorInfo, Columns, Ending, Header, ObjectInfo, Scenario, Site, Trace

OBJECT_KINDS = {"q": ObjectKind.QUEUE, "e": ObjectKind.EVENT, "t": ObjectKind.THREAD, "w": ObjectKind.WAITER}
FIXED = {label: index for index, (_, label) in enumerate(FIXED_OBJECTS) if label}


class Teller:
    """Writes a trace down from lines like `main/1 acquire lock :12` or `main get queue =main/1#3`.

    An actor, an object and a text come into being when first named. An object starts with the letter of its kind (`q`ueue,
    `e`vent, `t`hread, the lock of a `w`ait: `w2` is one of `main/2`), else it is a lock. `=` gives the value, in the terms of
    its kind; `:` the line in `app.py`; `~` the waiting in us.
    """

    def __init__(self) -> None:
        self.actors = ["main"]
        self.objects = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS]
        self.names = dict(FIXED)
        self.sites = [Site("", 0, "")]
        self.texts: list[str | bytes] = []
        self.columns = Columns()

    def actor(self, name: str) -> int:
        if name not in self.actors:
            self.actors.append(name)
        return self.actors.index(name)

    def object(self, name: str) -> int:
        if name not in self.names:
            self.names[name] = len(self.objects)
            kind = OBJECT_KINDS.get(name[0], ObjectKind.LOCK)
            number = int(name[1:]) if name[1:].isdigit() else sum(map(ord, name))
            creator = self.actor(f"main/{number}") if kind is ObjectKind.WAITER else 0
            self.objects.append(ObjectInfo(creator, kind, number, 0, name))
        return self.names[name]

    def site(self, line: int) -> int:
        site = Site("app.py", line, "work")
        if site not in self.sites:
            self.sites.append(site)
        return self.sites.index(site)

    def text(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def value(self, kind: Kind, word: str | None) -> int:
        if kind is Kind.START:
            return self.actor(word or "main")
        if kind in (Kind.WRITE, Kind.IMPORT, Kind.IMPORTED, Kind.ENTROPY, Kind.ENUMERATE):
            return self.text((word or "").replace("\\n", "\n"))
        if word and "#" in word:
            who, _, number = word.partition("#")
            return self.actor(who) << 32 | int(number)
        return int(word) if word else 1 if kind in (Kind.ACQUIRE, Kind.JOIN) else 0

    def tell(self, line: str) -> None:
        actor, verb, *words = line.split()
        kind = Kind[verb.upper()]
        marked = {word[0]: word[1:] for word in words if word[0] in "=:~"}
        name = next((word for word in words if word[0] not in "=:~"), "process")
        c = self.columns
        c.actor.append(self.actor(actor))
        c.kind.append(kind)
        c.object.append(self.object(name))
        c.site.append(self.site(int(marked[":"])) if ":" in marked else 0)
        c.value.append(self.value(kind, marked.get("=")))
        c.waited_us.append(int(marked.get("~", 0)))
        c.at_ns.append(1000 * len(c.at_ns))


def told(*lines: str, **ending: object) -> Trace:
    """The trace of these lines; `ending` replaces fields of its Ending."""
    teller = Teller()
    for line in lines:
        teller.tell(line)
    header = Header(Scenario("pattern", "story"), "0.1.0", "3.12.1", "CPython", "Linux", "x86_64")
    actors = [ActorInfo(name, "") for name in teller.actors]
    end = Ending(**{"exit_code": 0} | ending)  # type: ignore[arg-type]
    return Trace(header, actors, teller.objects, teller.sites, teller.texts, teller.columns, ending=end)


def critical(actor: str, lock: str = "lock", line: int = 10) -> list[str]:
    """One critical section."""
    return [f"{actor} acquire {lock} :{line}", f"{actor} release {lock} :{line + 1}"]


def of(d: Diff, label: str) -> ObjectDiff:
    """What the diff says about the object called so."""
    return next(one for one in d.objects if one.label == label)
