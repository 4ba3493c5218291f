"""Names that were replaced, so that everything can be undone."""

from functools import partial
from types import BuiltinFunctionType, FunctionType
from typing import Any

_MISSING = object()


class Builtin(partial):  # type: ignore[type-arg]
    """A Python function in the place of a builtin one.

    A builtin that is an attribute of a class (`converter = time.localtime` in `logging`) is not bound to the instance, a Python
    function would be. It pickles by name, as the original does.
    """

    def __reduce_ex__(self, protocol: object) -> str:
        return str(self.__name__)

    def __repr__(self) -> str:
        return f"<built-in function {self.__name__}>"


class Patches:
    """A list of replaced attributes; `undo` puts the originals back, last first."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, object]] = []

    def set(self, owner: Any, name: str, value: object) -> None:
        """Replace an attribute that exists; one that does not exist on this Python is left alone."""
        old = vars(owner).get(name, _MISSING)
        if old is _MISSING:
            if not hasattr(owner, name):
                return
        if type(value) is FunctionType and type(old) is BuiltinFunctionType:
            original = old
            value = Builtin(value)
            for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
                setattr(value, attribute, getattr(original, attribute, None))
        self._done.append((owner, name, old))
        setattr(owner, name, value)

    def method(self, owner: type, name: str, value: Any) -> None:
        """Replace a method or property; name, documentation and signature stay those of the original."""
        old = getattr(owner, name, None)
        for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
            if hasattr(old, attribute) and callable(value):
                setattr(value, attribute, getattr(old, attribute))
        if callable(value):
            value.__wrapped__ = old
        self.set(owner, name, value)

    def item(self, entries: dict[str, Any], name: str, value: object) -> None:
        """Replace an entry of a dictionary."""
        self._done.append((entries, name, entries[name]))
        entries[name] = value

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
