"""What is noted inside the program whenever it happens: who asks for a start method, sets the environment, registers what.

Standard library and runtime only.
"""

import json
import os
import sys
import weakref
from collections.abc import Iterable
from types import FrameType
from typing import Any, Final

from simcore.methods.preflight_places import Place, is_direct, place_of
from simcore.methods.preflight_state import umask
from simcore.runtime import originals, probes
from simcore.runtime.actors import here
from simcore.runtime.patches import Patches
from simcore.runtime.processes import birth as births

FACTS: Final = "preflight"
"""The file in the run's folder."""

salt: Final = os.urandom(16)
"""Makes digests worth nothing outside the run."""

_environment: dict[str, bytes] = {}
_changed_at: dict[str, Place] = {}
_first: dict[str, Any] = {}
"""What the first start of this process saw: the umask."""
_registered: list[Place] = []
_starts: list[str] = []
_pin: list[Place | None] = [None]
"""Where a context of its own was last asked for a lock or the like; None when that was the default one."""
_pinned: dict[int, tuple[Any, Place]] = {}
"""Locks that a context of its own made, by their id: a weak reference, and where."""


def install(patches: Patches, steps: probes.Steps) -> None:
    """Put the looks in place."""
    probes.behind(steps, "multiprocessing.context", lambda module: _install_pins(patches, module))
    probes.behind(steps, "multiprocessing.synchronize", lambda module: _install_locks(patches, module))
    patches.set(os, "putenv", probes.before(os.putenv, _note_environment))
    patches.set(os, "unsetenv", probes.before(os.unsetenv, _note_environment))
    patches.set(os, "umask", probes.before(os.umask, _note_umask))
    import _codecs
    import atexit
    import codecs

    registered = probes.before(_codecs.register, _note_codec)
    patches.set(_codecs, "register", registered)
    patches.set(codecs, "register", registered)
    patches.set(atexit, "register", probes.before(atexit.register, _note_atexit))
    os.register_at_fork(before=lambda: probes.look(_note_fork, sys._getframe(1)), after_in_child=_begin_anew)


def _begin_anew() -> None:
    """This is a forked child: its first start is still to come."""
    _first.clear()
    _environment.clear()
    _starts.clear()


def count_start(child: str) -> int:
    """A process is started; how many this one has started by now."""
    _starts.append(child)
    return len(_starts)


def surroundings() -> bytes:
    """A few bytes that are others when what a child is sent besides its target is another: environment, argv, path, folder."""
    parts = [f"{key}={value}" for key, value in sorted(os.environ.items()) if not key.startswith("SIMCORE_")]
    try:
        parts.append(os.getcwd())
    except OSError:
        pass  # it was removed
    return _digest("\0".join([*parts, *map(str, sys.argv), *map(str, sys.path)]))


def codecs_registered() -> int:
    """How many codecs the program has registered."""
    return len(_registered)


def _install_pins(patches: Patches, module: Any) -> None:
    for name in ("get_context", "set_start_method"):
        real = getattr(module.DefaultContext, name)

        def look(frame: FrameType, arguments: tuple[Any, ...], named: dict[str, Any], name: str = name) -> None:
            method = named.get("method", arguments[1] if len(arguments) > 1 else None)
            place = place_of(frame)
            if method is not None and place is not None and is_direct(frame):
                late = (
                    name == "set_start_method" and bool(_starts) and not named.get("force", len(arguments) > 2 and arguments[2])
                )
                tell(kind="pin", call=f'{name}("{method}")', method=str(method), site=place, late=late)

        patches.method(module.DefaultContext, name, probes.before(real, look))

    def asked(frame: FrameType, arguments: tuple[Any, ...], _: object) -> None:
        if is_direct(frame):
            _pin[0] = None if isinstance(arguments[0], module.DefaultContext) else place_of(frame)

    for name in _MADE:  # the first of these imports what it makes, so this stands before that
        patches.method(module.BaseContext, name, probes.before(getattr(module.BaseContext, name), asked))


def changed_since_first() -> dict[str, Any]:
    """What has changed since the first start of this process, which is when a fork server begins: names and places, no values."""
    now = {key: _digest(value) for key, value in os.environ.items() if not key.startswith("SIMCORE_")}
    mask = umask()
    if not _first:
        _environment.update(now)
        _first.update(umask=mask)
        return {"environment": [], "umask": None}
    late = sorted(key for key in {*now, *_environment} if now.get(key) != _environment.get(key))
    changed = mask != _first["umask"]
    return {
        "environment": [[key, _changed_at.get(key)] for key in late],
        "umask": [f"{_first['umask']:03o}", f"{mask:03o}", _changed_at.get("umask")] if changed else None,
    }


def _digest(value: str) -> bytes:
    from _blake2 import blake2b

    return blake2b(os.fsencode(value), key=salt, digest_size=8).digest()


def _install_locks(patches: Patches, module: Any) -> None:
    """Remember which locks are made by a context that was asked for by name."""

    def made(_: FrameType, arguments: tuple[Any, ...], __: object) -> None:
        if _pin[0] is not None:
            _pinned[id(arguments[0])] = weakref.ref(arguments[0]), _pin[0]

    patches.method(module.SemLock, "__init__", probes.before(module.SemLock.__init__, made))


_MADE: Final = ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier", "Queue", "JoinableQueue")


def made_by_name(values: Iterable[Any]) -> list[list[Any]]:
    """Of these objects of `multiprocessing` those that were made by a context that was asked for by name: class and place."""
    found = []
    for value in values:
        for part in (value, *getattr(value, "__dict__", {}).values()):
            known = _pinned.get(id(part))
            if known is not None and known[0]() is part:
                found.append([type(value).__name__, known[1]])
                break
    return found


def _note_environment(frame: FrameType, arguments: tuple[Any, ...], _: object) -> None:
    place = place_of(frame)
    if place is not None and arguments:
        _changed_at[os.fsdecode(arguments[0])] = place


def _note_umask(frame: FrameType, _: object, __: object) -> None:
    place = place_of(frame)
    if place is not None:
        _changed_at["umask"] = place


def _note_codec(frame: FrameType, _: object, __: object) -> None:
    place = place_of(frame)
    if place is not None and is_direct(frame):
        _registered.append(place)


def _note_atexit(frame: FrameType, _: object, __: object) -> None:
    actor = here()
    if actor is not None and "." in actor.name and is_direct(frame):
        tell(kind="atexit", site=place_of(frame), child=actor.name)


def _note_fork(frame: FrameType) -> None:
    actor = here()
    at: FrameType | None = frame
    while at is not None:
        if at.f_code.co_filename.endswith(("multiprocessing/popen_fork.py", "subprocess.py", "pty.py")):
            return
        at = at.f_back
    place = place_of(frame)
    if actor is not None and place is not None:
        tell(kind="pin", call="os.fork()", method="fork", site=place, late=False)


def tell(**facts: Any) -> None:
    line = json.dumps(facts).encode() + b"\n"
    number = os.open(f"{births.folder}/{FACTS}", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        originals.write(number, line)
    finally:
        os.close(number)
