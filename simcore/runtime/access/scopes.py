"""Whose variable a name is, in each scope of a module, and which variables can be shared by threads and are rebound.

Those are the globals that some function declares `global` and binds, and the variables that functions close over and that
change after they could be shared: bound by an inner function, or by their owner at several places or in a loop. All others are
bound once for ever before anybody else can see them, or are seen by one call of one function only.
"""

from enum import IntEnum
from typing import Final


class Kind(IntEnum):
    """What makes a scope."""

    MODULE = 0
    FUNCTION = 1
    LAMBDA = 2
    COMPREHENSION = 3  # of a list, set or dict: it has run when its expression is evaluated
    GENERATOR = 4
    CLASS = 5
    PARAMETERS = 6  # of types, around a generic function or class


class Place(IntEnum):
    """Where a name leads."""

    OWN = 0  # to what needs no record: a local variable, a name of a class body, a builtin
    GLOBAL = 1
    CELL = 2


_IMPLICIT: Final = frozenset({"__class__", "__classdict__"})
"""Names that a class has without binding them: methods close over them, and `super()` looks for them there."""

_AT_ONCE: Final = frozenset({Kind.COMPREHENSION, Kind.CLASS, Kind.PARAMETERS})
"""Scopes that are left before the code around them goes on: what they see of the variables around them shares nothing."""


def mangled(name: str, private: str) -> str:
    """The name as it is known outside of the class `private` that it is used in (empty: in none)."""
    if not name.startswith("__") or name.endswith("__") or "." in name or not private.strip("_"):
        return name
    return f"_{private.lstrip('_')}{name}"


class Scope:
    """The names of one scope, mangled."""

    def __init__(self, kind: Kind, parent: "Scope | None", private: str) -> None:
        self.kind = kind
        self.parent = parent
        self.private = private
        """The innermost class around it, for mangling."""
        self.bound: dict[str, int] = {}
        """At how many places each of its names is bound."""
        self.imported: dict[str, int] = {}
        """At how many of them by `import`."""
        self.parameters: set[str] = set()
        self.used: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.rebound: set[str] = set()
        """Its variables that inner functions bind, or that are bound in a loop."""
        self.shared: set[str] = set()
        """Its variables that functions close over."""
        self.tracked: set[str] = set()
        """Its variables whose accesses are recorded."""

    @property
    def module(self) -> "Scope":
        """The scope around all others."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def owner(self, name: str) -> "Scope":
        """The scope whose variable this is. That of the module also where the name is a builtin."""
        scope: Scope | None = self
        while scope is not None and name not in scope.globals:
            if name in scope.bound and name not in scope.nonlocals and (scope is self or scope.kind != Kind.CLASS):
                return scope
            scope = scope.parent
        return self.module

    def place(self, name: str) -> Place:
        """Where accesses to this name go in this scope."""
        owner = self.owner(name)
        if name not in owner.tracked:
            return Place.OWN
        if owner.kind == Kind.MODULE:
            return Place.GLOBAL
        return Place.OWN if self.kind in (Kind.CLASS, Kind.PARAMETERS) else Place.CELL

    def is_builtin(self, name: str) -> bool:
        """Whether the module gives this name no meaning of its own."""
        owner = self.owner(name)
        return owner.kind == Kind.MODULE and name not in owner.bound and "*" not in owner.bound

    def is_module(self, name: str) -> bool:
        """Whether this is the name of an imported module, and never of anything else."""
        owner = self.owner(name)
        return name in owner.imported and owner.imported[name] == owner.bound[name]

    def bind(self, name: str, *, in_loop: bool = False) -> None:
        """Count a place where the name is bound."""
        self.bound[name] = self.bound.get(name, 0) + 1
        if in_loop:
            self.rebound.add(name)


def decide(scopes: list[Scope]) -> None:
    """Find for all scopes of a module, outermost first, what they track."""
    module = scopes[0]
    for scope in scopes[1:]:
        for name in (scope.globals & scope.bound.keys()) - _IMPLICIT:
            module.tracked.add(name)
            module.bound[name] = module.bound.get(name, 0) + scope.bound[name]
    for scope in scopes[1:]:
        for name in (scope.used | scope.nonlocals) - _IMPLICIT:
            owner = scope.owner(name)
            if owner is scope or owner.kind in (Kind.MODULE, Kind.PARAMETERS, Kind.CLASS):
                continue
            if name in scope.nonlocals and name in scope.bound:
                owner.rebound.add(name)
            between = scope
            while between is not owner and between.parent is not None:
                if between.kind not in _AT_ONCE:
                    owner.shared.add(name)
                between = between.parent
    for scope in scopes[1:]:
        if scope.kind not in (Kind.CLASS, Kind.PARAMETERS):
            scope.tracked = {name for name in scope.shared if name in scope.rebound or scope.bound[name] > 1}
