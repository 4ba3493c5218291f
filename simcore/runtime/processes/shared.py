"""Values and arrays that processes share: `multiprocessing.sharedctypes`, with and without their locks.

They stay the instances of `ctypes` types that they are, so what is replaced is `value`, `raw` and the items of those types; an
instance whose memory is nobody else's is told by having no block of the heap, or one without a number. The number is kept with
the block, travels with it when it is pickled, and so means the same object in every process. What is read and written past these
(fields of a structure, a buffer) cannot be seen, and is noted.
"""

import sys
from collections.abc import Callable
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import actors, sites
from simcore.runtime.actors import acting
from simcore.runtime.frames import hide
from simcore.runtime.outside import note
from simcore.runtime.patches import Patches
from simcore.runtime.processes.accesses import PLAIN, number_of, plain_place, read, store
from simcore.runtime.processes.children import unrecorded
from simcore.runtime.sites import site_of
from simcore.trace.events import ObjectKind

VIEW = "shared memory view"
_noted: set[int] = set()


def note_view(number: int, detail: str = "") -> None:
    """Say, once for each object, that its memory is read and written where nobody sees it."""
    if number not in _noted:
        _noted.add(number)
        note(VIEW, detail)


def _number(instance: Any) -> int:
    """The number of the object in whose memory this instance lies, 0 when that is not shared or not recorded."""
    wrapper = getattr(instance, "_wrapper", None)
    while wrapper is None:
        instance = instance._b_base_
        if instance is None:
            return 0
        wrapper = getattr(instance, "_wrapper", None)
    return wrapper.__dict__.get("simcore_id", 0)  # type: ignore[no-any-return]


def install_heap(patches: Patches, module: Any) -> None:
    """Where the memory comes from is nobody's business but `multiprocessing`'s."""
    for cls, names in ((module.BufferWrapper, ("__init__",)), (module.Heap, ("malloc", "free"))):
        for name in names:
            patches.method(cls, name, unrecorded(getattr(cls, name)))


def install(patches: Patches, module: Any) -> None:
    """Number what is created, and replace what the types of shared instances offer."""
    types = _Types(patches, module.ctypes)
    real_rebuild = module.rebuild_ctype

    def rebuild_ctype(type_: Any, wrapper: Any, length: int | None) -> Any:
        instance = real_rebuild(type_, wrapper, length)
        types.prepare(type(instance))
        return instance

    patches.set(module, "rebuild_ctype", rebuild_ctype)
    for name in ("RawValue", "RawArray", "copy"):
        patches.set(module, name, _creating(module, types, getattr(module, name)))
    real_get_obj = module.SynchronizedBase.get_obj

    def get_obj(self: Any) -> Any:
        instance = real_get_obj(self)
        types.handed_out(instance)
        return instance

    patches.method(module.SynchronizedBase, "get_obj", get_obj)
    _introduce_properties(patches, module)


def _creating(module: Any, types: "_Types", real: Callable[..., Any]) -> Callable[..., Any]:
    def create(*arguments: Any, **named: Any) -> Any:
        actor = acting()
        try:
            instance = real(*arguments, **named)
        except BaseException as error:
            hide(error)
            raise
        if actor is not None:
            frame = get_frame(1)
            instance._wrapper.simcore_id = actors.create_for(actor, ObjectKind.SHARED, site_of(frame))
            if frame.f_globals is not vars(module) or frame.f_locals.get("lock") is False:
                types.handed_out(instance)
        return instance

    return create


def _introduce_properties(patches: Patches, module: Any) -> None:
    """The library makes `value` of its wrappers from a text: the lines of that text are no lines of the user's."""
    real = module.make_property

    def make_property(name: str) -> Any:
        made = real(name)
        sites.inner_codes.update((id(made.fget.__code__), id(made.fset.__code__)))
        return made

    for made in list(module.prop_cache):
        make_property(made)
    patches.set(module, "make_property", make_property)


class _Types:
    """The `ctypes` types that have shared instances; each is changed when the first of these is made."""

    def __init__(self, patches: Patches, ctypes: Any) -> None:
        self._patches = patches
        self._simple, self._array = ctypes._SimpleCData, ctypes.Array
        self._structures = (ctypes.Structure, ctypes.Union)
        self._prepared: set[type] = set()

    def prepare(self, cls: type) -> None:
        """Replace what this type, or the one it is derived from, offers."""
        for base in (self._simple, self._array):
            if issubclass(cls, base):
                own = next(known for known in cls.__mro__ if base in known.__bases__)
                if own in self._prepared:
                    return
                self._prepared.add(own)
                self._watch_buffer(own)
                if base is self._simple:
                    self._property(own, "value", vars(base)["value"], own)
                else:
                    self._items(own)

    def handed_out(self, instance: Any) -> None:
        """The program has the bare instance: its fields cannot be seen, and before Python 3.12 neither can its buffer."""
        if acting() is None:
            return
        if isinstance(instance, self._structures):
            self._note_structure(_number(instance), type(instance))
        elif "numpy" in sys.modules and not hasattr(type(instance), "__buffer__") and isinstance(instance, self._array):
            note_view(_number(instance))

    def _note_structure(self, number: int, cls: type) -> None:
        if number and number not in _noted:
            _noted.add(number)
            note("shared structure", cls.__name__)

    def _items(self, cls: Any) -> None:
        """Items and slices; the whole of an array of characters."""
        element = cls._type_
        array, real_get, real_set = self._array, cls.__getitem__, cls.__setitem__
        opaque, note_structure = issubclass(element, self._structures), self._note_structure
        if issubclass(element, self._array):
            self.prepare(element)

        def __getitem__(self: Any, place: Any) -> Any:
            actor = acting()
            number = 0 if actor is None else _number(self)
            try:
                if actor is None or not number:
                    return real_get(self, place)
                item = read(actor, number, site_of(get_frame(1)), real_get, self, plain_place(place))
            except BaseException as error:
                hide(error)
                raise
            if opaque:
                note_structure(_number(self), element)
            return item

        def __setitem__(self: Any, place: Any, item: Any) -> None:
            actor = acting()
            number = 0 if actor is None else _number(self)
            try:
                if actor is None or not number:
                    return real_set(self, place, item)  # type: ignore[no-any-return]
                place = plain_place(place)
                if type(item) not in PLAIN or opaque:
                    item = _plain_items(self, place, item)
                store(actor, number, site_of(get_frame(1)), number_of(item), real_set, self, place, item)
            except BaseException as error:
                hide(error)
                raise
            return None

        def _plain_items(self: Any, place: Any, item: Any) -> Any:
            """The same, converted: what converts it may be the program's code, and fails as the original does."""
            if type(place) is slice:
                if type(item) in (list, tuple) and not opaque and all(type(one) in PLAIN for one in item):
                    return list(item)
                kept = (element * len(range(*place.indices(len(self)))))()
                array.__setitem__(kept, slice(None), item)
                return array.__getitem__(kept, slice(None))
            if type(place) is not int or not -len(self) <= place < len(self):
                return item  # that is what fails first
            kept = (element * 1)()
            array.__setitem__(kept, 0, item)
            return array.__getitem__(kept, 0)

        self._patches.method(cls, "__getitem__", __getitem__)
        self._patches.method(cls, "__setitem__", __setitem__)
        for name in ("value", "raw"):
            real = vars(cls).get(name)
            if real is not None:
                self._property(cls, name, real, cls)

    def _property(self, cls: Any, name: str, real: Any, kept_type: Any) -> None:
        real_get, real_set = real.__get__, real.__set__

        def get(self: Any) -> Any:
            actor = acting()
            number = 0 if actor is None else _number(self)
            try:
                if actor is None or not number:
                    return real_get(self)
                return read(actor, number, site_of(get_frame(1)), real_get, self)
            except BaseException as error:
                hide(error)
                raise

        def set_(self: Any, content: Any) -> None:
            actor = acting()
            number = 0 if actor is None else _number(self)
            try:
                if actor is None or not number:
                    real_set(self, content)
                    return
                if type(content) not in PLAIN:
                    kept = kept_type()
                    real_set(kept, content)
                    content = bytes(memoryview(content)) if name == "raw" else real_get(kept)
                store(actor, number, site_of(get_frame(1)), number_of(content), real_set, self, content)
            except BaseException as error:
                hide(error)
                raise

        self._patches.set(cls, name, property(get, set_, doc=real.__doc__))

    def _watch_buffer(self, cls: Any) -> None:
        """From Python 3.12 on who asks for the buffer can be seen."""
        real = getattr(cls, "__buffer__", None)
        if real is None:
            return

        def __buffer__(self: Any, flags: int) -> memoryview:
            number = 0 if acting() is None else _number(self)
            if number:
                note_view(number)
            return real(self, flags)  # type: ignore[no-any-return]

        self._patches.method(cls, "__buffer__", __buffer__)
