"""Managers: `multiprocessing.managers`, remote ones too. What they do are connections, threads and locks, recorded as such.

Here the operations of the program get their names, and what a manager keeps has one number in all processes that use it. An
unrecorded process may be at the other end, so the number does not travel: the processes of a run have a table of it.
"""

import functools
import os
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import actors, originals
from simcore.runtime.actors import here
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import birth
from simcore.runtime.spans import named, spanned
from simcore.trace.events import ObjectKind

_numbers: dict[str, int] = {}
_read_to = 0
"""How much of the table this process has read."""


def _known(token: Any) -> int:
    """The number of what this token stands for; 0 when it has none yet."""
    global _read_to
    try:
        with open(_table(), "rb") as file:
            file.seek(_read_to)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # somebody is just writing it
                _read_to += len(line)
                key, _, number = line.decode().partition(" ")
                _numbers[key] = int(number)
    except OSError:
        pass  # nobody has one yet
    return _numbers.get(_key(token.address, token.id), 0)


def _learn(address: Any, ident: str, number: int) -> None:
    """Write down a number; 0 when there is nothing by this name any more, which is its address and may be used again."""
    try:
        file = os.open(_table(), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            originals.write(file, f"{_key(address, ident)} {number}\n".encode())
        finally:
            os.close(file)
    except OSError:
        pass  # the run's folder is gone: nobody records any more


def _table() -> str:
    return f"{birth.folder}/proxies"


def _key(address: Any, ident: str) -> str:
    return f"{address!r}/{ident}".encode("utf-8", "surrogatepass").hex()


def install(patches: Patches, module: Any) -> None:
    """Number managers and proxies, and cover what they offer."""
    manager, proxy, server = module.BaseManager, module.BaseProxy, module.Server
    patches.method(manager, "__init__", named(manager.__init__, ObjectKind.MANAGER))
    for name in ("start", "connect"):
        patches.method(manager, name, spanned(vars(manager)[name], f"Manager.{name}"))
    proxy.simcore_id = 0
    patches.method(proxy, "__init__", _proxy_init(proxy.__init__))
    patches.set(manager, "register", classmethod(_register(vars(manager)["register"].__func__)))
    for cls in (manager, *_heirs(manager)):
        for name in cls._registry:
            if name in vars(cls):
                patches.method(cls, name, spanned(vars(cls)[name], "Manager.create"))
    patches.method(proxy, "_callmethod", spanned(proxy._callmethod, "Proxy.call"))
    patches.method(server, "decref", _decref(server.decref))


def _heirs(cls: Any) -> list[Any]:
    return [one for heir in cls.__subclasses__() for one in (heir, *_heirs(heir))]


def _register(original: Any) -> Any:
    """What is registered with a manager's class becomes a method, which creates such an object."""

    def register(cls: Any, typeid: str, *arguments: Any, **named: Any) -> None:
        before = vars(cls).get(typeid)
        try:
            original(cls, typeid, *arguments, **named)
        except BaseException as error:
            hide(error)
            raise
        made = vars(cls).get(typeid)
        if made is not before:
            create = spanned(made, "Manager.create")
            functools.update_wrapper(create, made)
            setattr(cls, typeid, create)

    functools.update_wrapper(register, original)
    return register


def _proxy_init(original: Any) -> Any:
    def __init__(self: Any, token: Any, *arguments: Any, **named: Any) -> None:
        if here() is not None and "simcore_id" not in self.__dict__:
            number = _known(token)
            if not number:
                number = actors.create(ObjectKind.PROXY, get_frame(1))
                _learn(token.address, token.id, number)
            self.__dict__["simcore_id"] = number  # setting an attribute of a namespace is a call to the manager
        try:
            original(self, token, *arguments, **named)
        except BaseException as error:
            hide(error)
            raise

    return __init__


def _decref(original: Any) -> Any:
    def decref(self: Any, connection: Any, ident: str) -> None:
        try:
            original(self, connection, ident)
        except BaseException as error:
            hide(error)
            raise
        if ident not in self.id_to_obj:
            _learn(self.address, ident, 0)

    return decref
