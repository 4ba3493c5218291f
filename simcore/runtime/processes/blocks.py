"""Blocks of shared memory: `multiprocessing.shared_memory`.

Creating, attaching to and unlinking a block are events, for it depends on their order what each comes to. A process knows a block
by its name; which object of the run that is, all look up in one file of the run. Items of a `ShareableList` are read and stored
as whole ones. What goes through `buf` cannot be seen, and is noted.
"""

import os
from collections.abc import Callable
from sys import _getframe as get_frame
from types import FrameType
from typing import Any

from simcore.runtime import actors, originals
from simcore.runtime.actors import Actor, acting
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import birth
from simcore.runtime.processes.accesses import number_of, plain_place, read, store
from simcore.runtime.processes.children import unrecorded
from simcore.runtime.processes.shared import note_view
from simcore.runtime.sites import site_of
from simcore.trace.events import ObjectKind


def _learn(name: str, number: int) -> None:
    """Let all processes of the run know which object the block of this name is."""
    file = os.open(f"{birth.folder}/memory", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        originals.write(file, f"{number} {os.fsencode(name).hex()}\n".encode())
    finally:
        os.close(file)


def _look_up(name: str) -> int:
    """The object that the block of this name is; 0 for one that the run has not created. A name may be used again."""
    wanted, found = os.fsencode(name).hex(), 0
    try:
        with open(f"{birth.folder}/memory", encoding="utf-8") as file:
            for line in file:
                number, _, known = line.rstrip("\n").partition(" ")
                if known == wanted:
                    found = int(number)
    except OSError:
        pass  # none has been created
    return found


def install(patches: Patches, module: Any) -> None:
    """Replace what a block and a list in one offer."""
    _install_block(patches, module)
    _install_list(patches, module)


def _open(module: Any, actor: Actor, frame: FrameType, content: int | None, name: Any, opening: Callable[[str, int], Any]) -> int:
    """Let `opening` create a block with this content, or attach to one (None); the number of the object that this block is.

    A block without a name gets one that is free, as the original does it: names are drawn before the turn.
    """
    site = site_of(frame)
    module.resource_tracker.ensure_running()  # it may have to be started first
    while True:
        number = actors.create(ObjectKind.SHARED, frame)
        chosen = module._make_filename().lstrip("/") if name is None else name
        try:
            if content is None:
                read(actor, number, site, opening, chosen, number)
                return _look_up(chosen) or number
            store(actor, number, site, content, opening, chosen, number)
        except FileExistsError:
            if name is not None:
                raise
        else:
            return number


def _install_block(patches: Patches, module: Any) -> None:
    cls = module.SharedMemory
    real_init, real_unlink, real_buf = cls.__init__, unrecorded(cls.unlink), cls.buf.fget
    prefix = module._SHM_NAME_PREFIX.lstrip("/")

    def __init__(self: Any, name: Any = None, create: Any = False, size: Any = 0, **named: Any) -> None:
        def opening(chosen: str, number: int) -> int:
            unrecorded(real_init)(self, chosen, create, size, **named)
            if create:
                _learn(self.name, number)
            return int(self.size)

        actor = acting()
        try:
            if actor is None or _refused(name, create, size):
                real_init(self, name, create, size, **named)
                self.simcore_id = _look_up(self.name)
            else:
                content = number_of(size) if create else None
                self.simcore_id = _open(module, actor, get_frame(1), content, name, opening)
        except BaseException as error:
            hide(error)
            raise

    def _refused(name: Any, create: Any, size: Any) -> bool:
        try:
            return not size >= 0 or bool(size == 0 if create else name is None)
        except TypeError:
            return True

    def unlink(self: Any) -> None:
        actor = acting()
        number = self.__dict__.get("simcore_id", 0)
        try:
            if actor is None or not number:
                real_unlink(self)
            else:
                store(actor, number, site_of(get_frame(1)), 0, real_unlink, self)
        except BaseException as error:
            hide(error)
            raise

    def buf(self: Any) -> Any:
        number = self.__dict__.get("simcore_id", 0) if acting() is not None else 0
        if number:
            note_view(number, "" if self.name.startswith(prefix) else self.name)
        return real_buf(self)

    patches.method(cls, "__init__", __init__)
    patches.method(cls, "unlink", unlink)
    patches.set(cls, "buf", property(buf, doc=cls.buf.__doc__))


def _install_list(patches: Patches, module: Any) -> None:
    cls = module.ShareableList
    real_init, real_format = unrecorded(cls.__init__), unrecorded(cls.format.fget)
    real_get, real_set = unrecorded(cls.__getitem__), unrecorded(cls.__setitem__)

    def __init__(self: Any, sequence: Any = None, *, name: Any = None) -> None:
        def opening(chosen: str, number: int) -> int:
            real_init(self, sequence, name=chosen)
            self.shm.simcore_id = number
            if create:
                _learn(self.shm.name, number)
            return int(self._list_len)

        actor = acting()
        create = name is None or sequence is not None
        try:
            if actor is None:
                real_init(self, sequence, name=name)
                return
            if create:
                sequence = _plain(sequence) or ()
            known = list(sequence) if isinstance(sequence, (list, tuple)) else sequence  # an iterator is not to be used up
            content = number_of(known) if create else None
            self.shm.simcore_id = _open(module, actor, get_frame(1), content, name, opening)
        except BaseException as error:
            hide(error)
            raise

    def _plain(sequence: Any) -> Any:
        """The same items in a list: going through them may be the program's code. An iterator is left, and fails as it does."""
        if type(sequence) in (list, tuple) or not sequence:
            return sequence
        items = iter(sequence)
        return sequence if items is sequence else list(items)

    def __getitem__(self: Any, position: Any) -> Any:
        try:
            return _read(self, get_frame(1), real_get, plain_place(position))
        except BaseException as error:
            hide(error)
            raise

    def _read(self: Any, frame: FrameType, real: Callable[..., Any], *place: Any) -> Any:
        actor, number = acting(), self.shm.__dict__.get("simcore_id", 0)
        if actor is None or not number:
            return real(self, *place)
        return read(actor, number, site_of(frame), real, self, *place)

    def __setitem__(self: Any, position: Any, value: Any) -> None:
        try:
            actor, number = acting(), self.shm.__dict__.get("simcore_id", 0)
            if actor is None or not number:
                real_set(self, position, value)
            else:
                store(actor, number, site_of(get_frame(1)), number_of(value), real_set, self, plain_place(position), value)
        except BaseException as error:
            hide(error)
            raise

    def format_(self: Any) -> Any:
        try:
            return _read(self, get_frame(1), real_format)
        except BaseException as error:
            hide(error)
            raise

    patches.method(cls, "__init__", __init__)
    patches.method(cls, "__getitem__", __getitem__)
    patches.method(cls, "__setitem__", __setitem__)
    patches.method(cls, "__len__", unrecorded(cls.__len__))
    patches.set(cls, "format", property(format_, doc=cls.format.__doc__))
