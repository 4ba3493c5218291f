"""Objects go by the names that the programmer gave them where they are made."""

from pathlib import Path

import simcore
from simcore.engine.labels import Labels, Place
from simcore.trace.events import Kind, ObjectKind

USER = """
lock = Lock()
a, b = Lock(), Lock()
self.jobs = Queue()
sticks = [
    Lock()
    for _ in range(3)
]
with Executor() as pool:
    pass
if (event := Event()):
    start(Lock())
"""
LIBRARY = "class Queue:\n    def __init__(self):\n        self.mutex = Lock()\n"


def labelled(*lines: int | tuple[int, int]) -> list[str]:
    """Labels of objects made on these lines, or on a pair of a user's line and the library's inside it."""
    labels = Labels({"user.py": USER, "queue.py": LIBRARY, "broken.py": "def ("}.get)
    places = [
        Place(("user.py", line), None) if isinstance(line, int) else Place(("user.py", line[0]), ("queue.py", line[1]))
        for line in lines
    ]
    return labels.label(places)


def test_an_assignment_names_what_it_makes() -> None:
    """A name, an attribute, a walrus, a `with`."""
    assert labelled(2, 4, 9, 11) == ["lock", "jobs", "pool", "event"]


def test_two_names_on_one_line_are_two_names() -> None:
    """`a, b = Lock(), Lock()`, run twice."""
    assert labelled(3, 3, 3, 3) == ["a", "b", "a#2", "b#2"]


def test_one_of_several_has_its_index() -> None:
    """A comprehension makes sticks[0], sticks[1]..."""
    assert labelled(6, 6, 6) == ["sticks[0]", "sticks[1]", "sticks[2]"]


MIXED = """
jobs, ready, done = LifoQueue(), Event(), make()
lock, both = mp.Lock(), mp.Value("i", 0)
one = Lock(); many = [Lock() for _ in range(2)]
"""


def test_of_different_things_on_one_line_each_has_its_own_name() -> None:
    """By what is called to make it; what cannot be told has no name, for a wrong one is worse."""
    labels = Labels({"user.py": MIXED, "/lib/queue.py": LIBRARY, "/lib/synchronize.py": LIBRARY}.get)
    mutex, inside = ("/lib/queue.py", 3), ("/lib/synchronize.py", 3)
    places = {
        Place(("user.py", 2), None, kind=ObjectKind.EVENT): "ready",
        Place(("user.py", 2), mutex, kind=ObjectKind.LOCK): "jobs.mutex",
        Place(("user.py", 2), None, kind=ObjectKind.QUEUE): "jobs",
        Place(("user.py", 2), None, kind=ObjectKind.BARRIER): "done",
        Place(("user.py", 3), inside, kind=ObjectKind.PRLOCK): "",
        Place(("user.py", 3), None, whole=True, kind=ObjectKind.SHARED): "both",
        Place(("user.py", 3), None, kind=ObjectKind.PLOCK): "lock",
        Place(("user.py", 4), None, kind=ObjectKind.LOCK): "",
    }
    assert labels.label(places) == list(places.values())


def test_what_the_library_makes_inside_is_a_part() -> None:
    """The lock inside a queue is the queue's mutex."""
    assert labelled(4, (4, 3)) == ["jobs", "jobs.mutex"]


def test_what_nobody_names_has_no_label() -> None:
    """An argument, a file that is not Python, a file that is not there."""
    assert labelled(12) == [""]
    labels = Labels({"broken.py": "def ("}.get)
    assert labels.label([Place(("broken.py", 1), None), Place(("gone.py", 1), None)]) == ["", ""]


DATACLASS = """
from dataclasses import dataclass, field
from threading import Condition, Lock

@dataclass
class Account:
    number: int
    lock: Lock = field(default_factory=Lock)
    changed: Condition = field(default_factory=Condition)

@dataclass(frozen=True)
class Fixed:
    one: Lock = field(default_factory=Lock)
    other: Lock = field(default_factory=Lock)

fixed = Fixed()
with fixed.one, fixed.other:
    pass

accounts = [Account(n) for n in range(2)]
spare = Account(7)
others = []
others.append(Account(8))
for account in [*accounts, spare, *others]:
    with account.lock, account.changed:
        pass
"""


def test_what_a_dataclass_makes_is_called_by_its_attribute() -> None:
    """Made in the `__init__` that it wrote, of which there is no source; by the name of the object where that has one."""
    Path("bank.py").write_text(DATACLASS, encoding="utf-8")
    trace = simcore.record("bank.py", quiet=True)
    c = trace.columns
    taken = [trace.objects[thing].label for thing, kind in zip(c.object, c.kind, strict=True) if kind == Kind.ACQUIRE]
    assert taken == [
        *("fixed.one", "fixed.other"),
        *("accounts.lock[0]", "accounts.changed.lock[0]", "accounts.lock[1]", "accounts.changed.lock[1]"),
        *("spare.lock", "spare.changed.lock", "lock", "changed.lock"),
    ]
