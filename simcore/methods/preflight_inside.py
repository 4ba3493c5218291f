"""What `preflight` looks at inside the program, at each start of a process under fork. It changes nothing of what is started.

The first start of each place and target is rehearsed in a fresh interpreter (`preflight_fresh`), which takes as long as a spawned
child takes to come up; every start is compared with what that found. What is learnt goes to the run's folder, a line of JSON
each. Standard library and runtime only.
"""

import json
import os
import sys
import threading
from collections.abc import Iterable
from types import FrameType
from typing import Any, Final

from simcore.methods import pickles, reach
from simcore.methods.preflight_rehearsal import Rehearsal, rehearse
from simcore.methods.preflight_state import open_files, row_of, settings, umask
from simcore.methods.texts import Texts, differences, texts_of
from simcore.runtime import originals, probes
from simcore.runtime.actors import here, is_internal
from simcore.runtime.patches import Patches
from simcore.runtime.processes import birth as births

FACTS: Final = "preflight"
"""The file in the run's folder."""

_HERE: Final = os.path.dirname(__file__) + os.sep
_MOST_STARTS: Final = 200
_MOST_DIFFERENCES: Final = 3
Place = tuple[str, int]

_salt: Final = os.urandom(16)
_rehearsals: dict[tuple[Place, str], Rehearsal] = {}
_environment: dict[str, bytes] = {}
_changed_at: dict[str, Place] = {}
_first: dict[str, Any] = {}
"""What the first start of this process saw: the place, the umask."""
_starts = 0
_registered = 0
_workers: dict[int, tuple[object, dict[reach.Name, Texts]]] = {}
"""By the queue that workers of a pool take tasks from: the user's globals when they were started; their tasks come later."""
_tasks: set[tuple[int, int]] = set()


def install(patches: Patches, steps: probes.Steps) -> None:
    """Put the looks in place; each stands behind the import of what it looks at."""
    probes.behind(steps, "multiprocessing.popen_fork", lambda module: _install_starts(patches, module))
    probes.behind(steps, "multiprocessing.context", lambda module: _install_pins(patches, module))
    probes.behind(steps, "multiprocessing.pool", lambda module: _install_pool(patches, module))
    probes.behind(steps, "concurrent.futures.process", lambda module: _install_executor(patches, module))
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
    os.register_at_fork(before=lambda: probes.look(_note_fork, sys._getframe(1)))


def _install_starts(patches: Patches, module: Any) -> None:
    def look(frame: FrameType, arguments: tuple[Any, ...], _: object) -> None:
        popen, process = arguments
        if type(popen) is module.Popen:
            _on_start(process, frame)

    patches.method(module.Popen, "__init__", probes.before(module.Popen.__init__, look))


def _install_pins(patches: Patches, module: Any) -> None:
    for name in ("get_context", "set_start_method"):
        real = getattr(module.DefaultContext, name)

        def look(frame: FrameType, arguments: tuple[Any, ...], named: dict[str, Any], name: str = name) -> None:
            method = named.get("method", arguments[1] if len(arguments) > 1 else None)
            place = _place_of(frame)
            if method is not None and place is not None and _is_direct(frame):
                late = name == "set_start_method" and _starts > 0 and not named.get("force", len(arguments) > 2 and arguments[2])
                _tell(kind="pin", call=f'{name}("{method}")', method=str(method), site=place, late=late)

        patches.method(module.DefaultContext, name, probes.before(real, look))


def _install_pool(patches: Patches, module: Any) -> None:
    for name in ("apply_async", "_map_async", "imap", "imap_unordered"):
        real = getattr(module.Pool, name)
        patches.method(module.Pool, name, probes.before(real, _on_task))


def _install_executor(patches: Patches, module: Any) -> None:
    patches.method(module.ProcessPoolExecutor, "submit", probes.before(module.ProcessPoolExecutor.submit, _on_task))


# What is looked at --------------------------------------------------------------------------------------------------------------


def _on_start(process: Any, frame: FrameType) -> None:
    global _starts
    actor = here()
    child = actor.birth if actor is not None else None
    _starts += 1
    if actor is None or child is None or _starts > _MOST_STARTS:
        return
    actor.birth = None  # the interpreter of the rehearsal is nobody
    try:
        _look_at(process, child.name, _place_of(frame) or ("", 0))
    finally:
        actor.birth = child


def _look_at(process: Any, child: str, site: Place) -> None:
    target = process._target if process._target is not None else type(process).run
    names = reach.reachable(target, type(process), process._args, process._kwargs, _own_state(process))
    values = {name: texts_of(value, _salt) for name, value in sorted(names.items())}
    parts = list(pickles.parts_of(process))
    bad = pickles.leaves(parts)
    shown = _name_of(target)
    key = (site, shown)
    first = key not in _rehearsals
    if first:
        _rehearsals[key] = rehearsal = rehearse(process.name, None if bad else pickles.dumps(process), values, _salt)
        _tell(
            kind="site",
            key=_number(key),
            site=site,
            target=shown,
            target_site=_code_place(target),
            main=_main_file(),
            files=_files(values),
            fresh=rehearsal.facts,
        )
    if _is_worker(target) and process._args and id(process._args[0]) not in _workers:
        _workers[id(process._args[0])] = process._args[0], _all_globals()
    rehearsal = _rehearsals[key]
    own = settings()
    _tell(
        kind="start",
        key=_number(key),
        child=child,
        bad=[[leaf.path, _kind_of(leaf.value), leaf.why, _code_place(leaf.value)] for leaf in bad],
        globals=_compare(values, rehearsal),
        settings=[
            [name, text, rehearsal.settings[name], row_of(name)]
            for name, text in own.items()
            if rehearsal.settings.get(name, text) != text
        ],
        locks=locks_in([(name[1], value) for name, value in names.items()] + [(path, value) for path, value in parts]),
        pinned=process._start_method is not None,
        names=[".".join(name) for name in names],
        threads=_threads() if site[0] else [],  # else a pool has a thread of its own that starts workers
        files=open_files(),
        codecs=_registered,
        uses=sorted({f"{module}.{name}" for module, name in names if (module, name) in _NOTED}),
        **_late(site),
    )


_NOTED: Final = {("os", "getppid")}


def _on_task(frame: FrameType, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    """A task is given to a pool or an executor: what it reaches is compared as it was when the workers were started."""
    function = named.get("func", named.get("fn", arguments[1] if len(arguments) > 1 else None))
    inner = getattr(function, "args", (function,))[0] if _is_worker(getattr(function, "func", None)) else function
    queue = getattr(arguments[0], "_inqueue", None) or getattr(arguments[0], "_call_queue", None)
    known = id(getattr(inner, "__code__", inner)), id(queue)
    actor = here()
    if not callable(inner) or actor is None or known in _tasks or len(_tasks) > _MOST_STARTS:
        return
    _tasks.add(known)
    place = _place_of(frame) or ("", 0)
    names = reach.reachable(inner)
    then = _workers[id(queue)][1] if id(queue) in _workers else {}  # else they are started now
    values = {name: then.get(name) or texts_of(value, _salt) for name, value in sorted(names.items())}
    bad = pickles.leaves([("task", inner)])
    rehearsal = rehearse("task", None if bad else pickles.dumps(inner), values, _salt)
    _tell(
        kind="task",
        site=place,
        target=_name_of(inner),
        names=[".".join(name) for name in names],
        target_site=_code_place(inner),
        bad=[[leaf.path, _kind_of(leaf.value), leaf.why, _code_place(leaf.value)] for leaf in bad],
        globals=_compare(values, rehearsal),
        locks=locks_in([(name[1], value) for name, value in names.items()]),
        fresh=rehearsal.facts,
        main=_main_file(),
        files=_files(values),
    )


def _compare(values: dict[reach.Name, Texts], rehearsal: Rehearsal) -> list[list[Any]]:
    """The globals that a fresh interpreter has otherwise: name, whether they change each time, some differences."""
    found: list[list[Any]] = []
    for name, texts in values.items():
        fresh = rehearsal.texts.get(name)
        if fresh is not None and fresh != texts:
            parts = differences(texts, fresh)
            found.append([*name, name in rehearsal.unsteady, len(parts), parts[:_MOST_DIFFERENCES]])
    return found


def _late(site: Place) -> dict[str, Any]:
    """What has changed since the first start of this process, which is when a fork server begins: names and places, no values."""
    now = {key: _digest(value) for key, value in os.environ.items() if not key.startswith("SIMCORE_")}
    mask = umask()
    if not _first:
        _environment.update(now)
        _first.update(site=site, umask=mask)
        return {"environment": [], "umask": None}
    late = sorted(key for key in {*now, *_environment} if now.get(key) != _environment.get(key))
    changed = mask != _first["umask"]
    return {
        "environment": [[key, _changed_at.get(key)] for key in late],
        "umask": [f"{_first['umask']:03o}", f"{mask:03o}", _changed_at.get("umask")] if changed else None,
    }


def _digest(value: str) -> bytes:
    from _blake2 import blake2b

    return blake2b(os.fsencode(value), key=_salt, digest_size=8).digest()


def locks_in(values: list[tuple[str, object]]) -> dict[int, str]:
    """The locks that these values hold, by their number in the recording, with the name of what holds them."""
    found: dict[int, str] = {}
    seen: set[int] = set()
    todo = [(name, value, 0) for name, value in values]
    while todo:
        path, value, depth = todo.pop()
        number = getattr(type(value), "simcore_id", None) and getattr(value, "simcore_id", 0)
        if number:
            found.setdefault(number, path)
        kind = type(value)
        if depth > 4 or id(value) in seen or kind.__module__ == "logging" or isinstance(value, (type, str, bytes)):
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            todo += [(f"{path}[...]", part, depth + 1) for part in list(dict.values(value))[:200]]
        elif isinstance(value, (list, tuple)):
            todo += [(f"{path}[...]", part, depth + 1) for part in value[:200]]
        elif hasattr(value, "__self__"):
            todo.append((path, value.__self__, depth + 1))
        elif kind.__module__ in ("threading", "queue") or reach.is_user_module(kind.__module__):
            todo += [(f"{path}.{name}", part, depth + 1) for name, part in reach.state_of(value).items()]
    return found


# Notes --------------------------------------------------------------------------------------------------------------------------


def _note_environment(frame: FrameType, arguments: tuple[Any, ...], _: object) -> None:
    place = _place_of(frame)
    if place is not None and arguments:
        _changed_at[os.fsdecode(arguments[0])] = place


def _note_umask(frame: FrameType, _: object, __: object) -> None:
    place = _place_of(frame)
    if place is not None:
        _changed_at["umask"] = place


def _note_codec(frame: FrameType, _: object, __: object) -> None:
    global _registered
    place = _place_of(frame)
    if place is not None and _is_direct(frame):
        _registered += 1


def _note_atexit(frame: FrameType, _: object, __: object) -> None:
    actor = here()
    if actor is not None and "." in actor.name and _is_direct(frame):
        _tell(kind="atexit", site=_place_of(frame), child=actor.name)


def _note_fork(frame: FrameType) -> None:
    actor = here()
    at: FrameType | None = frame
    while at is not None:
        if at.f_code.co_filename.endswith(("multiprocessing/popen_fork.py", "subprocess.py", "pty.py")):
            return
        at = at.f_back
    place = _place_of(frame)
    if actor is not None and place is not None:
        _tell(kind="pin", call="os.fork()", method="fork", site=place, late=False)


def _tell(**facts: Any) -> None:
    line = json.dumps(facts).encode() + b"\n"
    number = os.open(f"{births.folder}/{FACTS}", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        originals.write(number, line)
    finally:
        os.close(number)


# Names and places ---------------------------------------------------------------------------------------------------------------


def _place_of(frame: FrameType | None) -> Place | None:
    """The nearest line of the user's."""
    while frame is not None and (is_internal(frame.f_code) or frame.f_code.co_filename.startswith(_HERE)):
        frame = frame.f_back
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno or 0)


def _is_direct(frame: FrameType | None) -> bool:
    """Whether the user's own code called, and no library on its behalf."""
    while frame is not None and "simcore" in frame.f_code.co_filename and is_internal(frame.f_code):
        frame = frame.f_back
    return frame is not None and not is_internal(frame.f_code)


def _code_place(value: object) -> Place | None:
    code = getattr(getattr(value, "__func__", value), "__code__", None)
    return None if code is None or is_internal(code) else (code.co_filename, code.co_firstlineno)


def _files(names: Iterable[reach.Name]) -> dict[str, str]:
    """The files of the user's modules among these globals'."""
    found = {}
    for module in {name[0] for name in names}:
        if reach.is_user_module(module):
            found[module] = os.path.abspath(getattr(sys.modules[module], "__file__", None) or "<none>")
    return found


def _main_file() -> str:
    return getattr(sys.modules.get("__main__"), "__file__", None) or ""


def _name_of(target: Any) -> str:
    target = getattr(target, "func", target)
    return str(getattr(target, "__qualname__", type(target).__qualname__))


def _kind_of(value: object) -> str:
    return (
        _name_of(value)
        if callable(value) and hasattr(value, "__qualname__")
        else f"a {type(value).__module__}.{type(value).__qualname__}"
    )


def _number(key: tuple[Place, str]) -> str:
    return f"{key[0][0]}:{key[0][1]}:{key[1]}"


def _own_state(process: Any) -> dict[str, object]:
    return {name: value for name, value in vars(process).items() if not name.startswith("_")}


def _is_worker(target: Any) -> bool:
    """Whether this is a library's function that does tasks of others."""
    return getattr(target, "__module__", "") in ("multiprocessing.pool", "concurrent.futures.process")


def _all_globals() -> dict[reach.Name, Texts]:
    return {
        (reach.module_name(name), key): texts_of(value, _salt)
        for name, module in list(sys.modules.items())
        if reach.is_user_module(name)
        for key, value in list(vars(module).items())
        if not key.startswith("__")
    }


def _threads() -> list[str]:
    """The names of the other threads, those of the library's own working left out."""
    me = threading.current_thread()
    return [
        thread.name
        for thread in threading.enumerate()
        if thread is not me and not _is_librarys(getattr(thread, "_target", None), type(thread))
    ]


def _is_librarys(target: Any, kind: type) -> bool:
    module = getattr(target, "__module__", None) or ""
    return module.startswith("multiprocessing.") or kind.__module__ in ("concurrent.futures.process", "multiprocessing.queues")
