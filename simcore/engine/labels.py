"""Names for objects: what the programmer calls them at the place where they are made.

`self.balance_lock = Lock()` is `balance_lock`; the lock inside `jobs = Queue()`, made by `self.mutex = threading.Lock()` in the
library, is `jobs.mutex`; the third of `sticks = [Lock() for _ in seats]` is `sticks[2]`; what a dataclass makes for its attribute
`lock` by a `default_factory` is, in `account = Account()`, `account.lock`.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from simcore.runtime.sites import ATTRIBUTE
from simcore.trace.events import ObjectKind


class Place(NamedTuple):
    """Where an object was made: the user's line, and the library's line inside it or None; both as (file, line).

    With `whole` the object goes by the user's name alone where the library's line gives it none. `kind` is the object's.
    """

    user: tuple[str, int]
    inner: tuple[str, int] | None
    whole: bool = False
    kind: ObjectKind = ObjectKind.NONE


class Named(NamedTuple):
    """A name that a line gives: whether it stands for several things, and what is called to make them, empty for no call."""

    name: str
    several: bool
    maker: str


_QUEUES: Final = frozenset({"Queue", "LifoQueue", "PriorityQueue"})
_SEMAPHORES: Final = frozenset({"Semaphore", "BoundedSemaphore"})
_MAKERS: Final = {
    ObjectKind.LOCK: frozenset({"Lock", "allocate_lock"}),
    ObjectKind.RLOCK: frozenset({"RLock"}),
    ObjectKind.CONDITION: frozenset({"Condition"}),
    ObjectKind.EVENT: frozenset({"Event"}),
    ObjectKind.SEMAPHORE: _SEMAPHORES,
    ObjectKind.BARRIER: frozenset({"Barrier"}),
    ObjectKind.QUEUE: _QUEUES,
    ObjectKind.SIMPLEQUEUE: frozenset({"SimpleQueue"}),
    ObjectKind.EXECUTOR: frozenset({"ThreadPoolExecutor", "ProcessPoolExecutor"}),
    ObjectKind.FUTURE: frozenset({"submit", "Future"}),
    ObjectKind.PLOCK: frozenset({"Lock"}),
    ObjectKind.PRLOCK: frozenset({"RLock"}),
    ObjectKind.PSEMAPHORE: _SEMAPHORES,
    ObjectKind.PQUEUE: frozenset({"Queue", "JoinableQueue", "SimpleQueue"}),
    ObjectKind.SHARED: frozenset({"Value", "Array", "RawValue", "RawArray", "SharedMemory", "ShareableList"}),
    ObjectKind.LISTENER: frozenset({"Listener"}),
    ObjectKind.POOL: frozenset({"Pool", "ThreadPool"}),
    ObjectKind.MANAGER: frozenset({"Manager", "SyncManager", "SharedMemoryManager"}),
}
"""What is called to make an object of a kind: tells what belongs to which of several names on a line."""

_KNOWN: Final = frozenset[str]().union(*_MAKERS.values())
_WITHIN: Final = {
    "Condition": _MAKERS[ObjectKind.CONDITION],
    "Event": _MAKERS[ObjectKind.EVENT],
    "Semaphore": _SEMAPHORES,
    "Barrier": _MAKERS[ObjectKind.BARRIER],
    "Queue": _QUEUES,
}
"""What is called to make an object whose class, in `threading` or `queue`, makes its locks itself."""
_MODULES: Final = ("/threading.py", "/queue.py")


class _Targets(ast.NodeVisitor):
    """Per line of a source the names that values on it are given, in their order, and whether each stands for several."""

    def __init__(self) -> None:
        self.by_line: dict[int, list[Named]] = {}
        self.unpacked: dict[int, list[str]] = {}
        """Per line the names of `a, b = Pipe()`: one call makes all of these."""
        self.classes: dict[int, str] = {}
        """Per line the class whose body it is in."""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """`class Queue:`."""
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            self.classes[line] = node.name
        self.generic_visit(node)

    def _note(self, target: ast.expr | str, value: ast.expr | None) -> None:
        if value is None:
            return
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for part, item in zip(target.elts, value.elts, strict=True):
                self._note(part, item)
            return
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Call):
            for line in range(value.lineno, (value.end_lineno or value.lineno) + 1):
                self.unpacked.setdefault(line, [_name_of(part) for part in target.elts])
            return
        name = target if isinstance(target, str) else _name_of(target)
        if not name:
            return
        several = isinstance(
            value, ast.List | ast.Tuple | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Dict
        )
        for line in range(value.lineno, (value.end_lineno or value.lineno) + 1):
            self.by_line.setdefault(line, []).append(Named(name, several, _maker_of(value)))

    def visit_Assign(self, node: ast.Assign) -> None:
        """`a = b = value`: the first target names it."""
        self._note(node.targets[0], node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """`a: T = value`."""
        self._note(node.target, node.value)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """`(a := value)`."""
        self._note(node.target, node.value)
        self.generic_visit(node)

    def visit_With(self, node: ast.With) -> None:
        """`with Executor() as pool`."""
        for item in node.items:
            if item.optional_vars is not None:
                self._note(item.optional_vars, item.context_expr)
        self.generic_visit(node)


def _name_of(target: ast.expr) -> str:
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript):
        return _name_of(target.value)
    return ""


def _maker_of(value: ast.expr) -> str:
    if isinstance(value, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return _maker_of(value.elt)
    if isinstance(value, ast.DictComp):
        return _maker_of(value.value)
    if isinstance(value, ast.List | ast.Tuple) and value.elts:
        return _maker_of(value.elts[0])
    return _name_of(value.func) if isinstance(value, ast.Call) else ""


class Labels:
    """Looks names up. `read` gives a file's source, or None; files are parsed once."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._files: dict[str, _Targets] = {}

    def at(self, file: str, line: int) -> list[Named]:
        """The names given on a line in their order; empty when the line names nothing."""
        return self._targets(file).by_line.get(line, [])

    def _targets(self, file: str) -> _Targets:
        known = self._files.get(file)
        if known is None:
            known = self._files[file] = _Targets()
            try:
                known.visit(ast.parse(self._read(file) or ""))
            except (SyntaxError, ValueError, RecursionError):
                pass  # not Python: its objects go by their other name
        return known

    def label(self, places: Iterable[Place]) -> list[str]:
        """A name for each object, in the order of their creation; distinct objects get distinct names, or empty ones."""
        made: Counter[Place] = Counter()
        used: set[str] = set()
        result = []
        for place in places:
            file, line = place.user
            names, inside = self._fitting(place), place.inner
            if not self.at(file, line) and (unpacked := self._targets(file).unpacked.get(line)):
                names, inside = [Named(name, False, "") for name in unpacked], None
                place = Place(place.user, None, place.whole)
            # `a, b = Lock(), Lock()` makes a, b, and when the line runs again another a, another b.
            number, which = divmod(made[place], len(names) or 1)
            made[place] += 1
            name, several, _ = names[which] if names else Named("", False, "")
            if inside is not None and inside[0].startswith(ATTRIBUTE):
                attribute, _, library = inside[0].removeprefix(ATTRIBUTE).partition(" ")
                name = f"{name}.{attribute}" if name and attribute else attribute
                inside = (library, inside[1]) if library else None
            if name and inside is not None:
                inner = self.at(*inside)
                name = f"{name}.{inner[0].name.lstrip('_')}" if inner else name if place.whole else ""
            if not name:
                result.append("")
                continue
            shown = f"{name}[{number}]" if several else name if number == 0 else f"{name}#{number + 1}"
            while shown in used:  # two places that use one name
                number = number + 1 if number else 1
                shown = f"{name}#{number + 1}"
            used.add(shown)
            result.append(shown)
        return result

    def _fitting(self, place: Place) -> list[Named]:
        """The names on the user's line that this object may have: where different things are made there, those made as it is.

        A wrong name is worse than none.
        """
        names = self.at(*place.user)
        if place.kind is not ObjectKind.NONE and len({one.maker for one in names}) > 1:
            if place.inner is None or place.whole:
                makers = _MAKERS.get(place.kind, frozenset())
                names = [one for one in names if one.maker in makers] or [one for one in names if one.maker not in _KNOWN]
            else:
                makers = self._makers_around(*place.inner)
                names = [one for one in names if one.maker in makers]
        return [] if len(names) > 1 and any(one.several for one in names) else names

    def _makers_around(self, file: str, line: int) -> frozenset[str]:
        """What is called to make an object of the class that this line of the library is in."""
        return _WITHIN.get(self._targets(file).classes.get(line, ""), frozenset()) if file.endswith(_MODULES) else frozenset()
