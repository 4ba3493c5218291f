"""Names that were replaced, so that everything can be undone."""

import sys
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

_MISSING = object()


class Builtin:
    """A Python function in the place of a builtin one; each has a class of its own, whose `__call__` is that function.

    A builtin that is an attribute of a class (`converter = time.localtime` in `logging`) is not bound to the instance, a Python
    function would be. It pickles by name, as the original does.
    """

    original: BuiltinFunctionType

    def __reduce_ex__(self, protocol: object) -> str:
        return str(self.original.__name__)

    def __repr__(self) -> str:
        return f"<built-in function {self.original.__name__}>"

    @property
    def __signature__(self) -> Any:
        """As the original's. Raises: ValueError where that has none."""
        import inspect

        return inspect.signature(self.original)


def _builtin(function: FunctionType, original: BuiltinFunctionType) -> Builtin:
    entries = {"__call__": staticmethod(function), "__doc__": original.__doc__, "__module__": "builtins", "original": original}
    made: Builtin = type("builtin_function_or_method", (Builtin,), entries)()
    for name in ("__name__", "__qualname__", "__module__", "__self__", "__text_signature__"):
        setattr(made, name, getattr(original, name, None))
    return made


class Patches:
    """A list of replaced attributes; `undo` puts the originals back, last first."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, object]] = []
        self._builtins: dict[FunctionType, Builtin] = {}

    def set(self, owner: Any, name: str, value: object) -> None:
        """Replace an attribute that exists; one that does not exist on this Python is left alone.

        A function takes over what the original says of itself: name, module, documentation, signature.
        """
        old = vars(owner).get(name, _MISSING)
        if old is _MISSING and not hasattr(owner, name):
            return
        if type(value) is FunctionType and type(old) is BuiltinFunctionType:
            value = self._as_builtin(value, old)
            home = sys.modules.get(old.__module__)
            if (
                home is not None and home is not owner and vars(home).get(name) is old
            ):  # os.kill is posix.kill, and pickled as that
                self._done.append((home, name, old))
                setattr(home, name, value)
        elif type(value) is FunctionType and type(old) is FunctionType and value is not old and not hasattr(value, "__wrapped__"):
            self._introduce(value, old)
        self._done.append((owner, name, old))
        setattr(owner, name, value)

    def _as_builtin(self, value: FunctionType, old: BuiltinFunctionType) -> Builtin:
        """One object for one function, by however many names it is known: `threading.Lock is _thread.allocate_lock`."""
        known = self._builtins.get(value)
        if known is None:
            known = self._builtins[value] = _builtin(value, old)
        return known

    def _introduce(self, value: Any, old: Any) -> None:
        for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
            if hasattr(old, attribute):
                setattr(value, attribute, getattr(old, attribute))
        value.__wrapped__ = old

    def method(self, owner: type, name: str, value: Any) -> None:
        """Replace a method or property; name, documentation and signature stay those of the original."""
        if callable(value):
            self._introduce(value, getattr(owner, name, None))
        self.set(owner, name, value)

    def item(self, entries: dict[str, Any], name: str, value: object) -> None:
        """Replace an entry of a dictionary."""
        self._done.append((entries, name, entries[name]))
        entries[name] = value

    def follow_captures(self, *owners: ModuleType) -> None:
        """Replace what other modules took by name from these (`from time import monotonic`) before we came."""
        now = {id(old): vars(owner)[name] for owner, name, old in self._done if owner in owners}
        for module in list(sys.modules.values()):
            entries = getattr(module, "__dict__", None)
            if type(entries) is not dict or module in owners or entries.get("__name__", "").startswith("simcore"):
                continue
            for name, value in list(entries.items()):
                if type(value) is BuiltinFunctionType and id(value) in now:
                    self.set(module, name, now[id(value)])

    def undo(self) -> None:
        """Put everything back."""
        while self._done:
            owner, name, old = self._done.pop()
            if type(owner) is dict:
                owner[name] = old
            elif old is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, old)
