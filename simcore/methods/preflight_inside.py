"""What `preflight` looks at inside the program, at each start of a process under fork. It changes nothing of what is started.

The first start of each place and target is rehearsed in a fresh interpreter (`preflight_fresh`), which takes as long as a spawned
child takes to come up; every start is compared with what that found. What is learnt goes to the run's folder, a line of JSON
each. Standard library and runtime only.
"""

import sys
from types import FrameType
from typing import Any, Final

from simcore.methods import pickles, reach
from simcore.methods import preflight_notes as notes
from simcore.methods.preflight_notes import salt, tell
from simcore.methods.preflight_places import (
    Place,
    assigned_by,
    code_place,
    files_of,
    kind_of,
    locks_in,
    main_file,
    name_of,
    place_of,
    threads,
)
from simcore.methods.preflight_rehearsal import Rehearsal, rehearse
from simcore.methods.preflight_state import open_files, row_of, settings
from simcore.methods.texts import Texts, differences, texts_of
from simcore.runtime import probes
from simcore.runtime.actors import here
from simcore.runtime.patches import Patches

_MOST_STARTS: Final = 200
_MOST_DIFFERENCES: Final = 3
_MOST_SURROUNDINGS: Final = 4

_rehearsals: dict[tuple[Place, str], dict[bytes, Rehearsal]] = {}
"""By place and target, and by the surroundings: they decide what an import finds, and what texts may be shown."""
_workers: dict[int, tuple[object, dict[reach.Name, Texts]]] = {}
"""By the queue that workers of a pool take tasks from: the user's globals when they were started; their tasks come later."""
_tasks: set[tuple[int, int]] = set()


def install(patches: Patches, steps: probes.Steps) -> None:
    """Put the looks in place; each stands behind the import of what it looks at."""
    probes.behind(steps, "multiprocessing.popen_fork", lambda module: _install_starts(patches, module))
    probes.behind(steps, "multiprocessing.pool", lambda module: _install_pool(patches, module))
    probes.behind(steps, "concurrent.futures.process", lambda module: _install_executor(patches, module))
    notes.install(patches, steps)


def _install_starts(patches: Patches, module: Any) -> None:
    def look(frame: FrameType, arguments: tuple[Any, ...], _: object) -> None:
        popen, process = arguments
        if type(popen) is module.Popen:
            _on_start(process, frame)

    patches.method(module.Popen, "__init__", probes.before(module.Popen.__init__, look))


def _install_pool(patches: Patches, module: Any) -> None:
    for name in ("apply_async", "_map_async", "imap", "imap_unordered"):
        real = getattr(module.Pool, name)
        patches.method(module.Pool, name, probes.before(real, _on_task))


def _install_executor(patches: Patches, module: Any) -> None:
    patches.method(module.ProcessPoolExecutor, "submit", probes.before(module.ProcessPoolExecutor.submit, _on_task))


# What is looked at --------------------------------------------------------------------------------------------------------------


def _on_start(process: Any, frame: FrameType) -> None:
    actor = here()
    child = actor.birth if actor is not None else None
    if actor is None or child is None or notes.count_start(child.name) > _MOST_STARTS:
        return
    actor.birth = None  # the interpreter of the rehearsal is nobody
    try:
        _look_at(process, child.name, place_of(frame) or ("", 0))
    finally:
        actor.birth = child


def _look_at(process: Any, child: str, site: Place) -> None:
    target = process._target if process._target is not None else type(process).run
    names = reach.reachable(target, type(process), process._args, process._kwargs, _own_state(process))
    values = {name: texts_of(value, salt, name[1]) for name, value in sorted(names.items())}
    parts = list(pickles.parts_of(process))
    bad = pickles.leaves(parts)
    shown = name_of(target)
    key = (site, shown)
    known = _rehearsals.setdefault(key, {})
    surroundings = notes.surroundings()
    if surroundings not in known and len(known) >= _MOST_SURROUNDINGS:
        surroundings = next(reversed(known))  # a program that changes them before each start is not to wait each time
    sent: list[object] = []
    whole = None if bad else pickles.dumps(process, sent)
    if surroundings not in known:
        known[surroundings] = rehearsal = rehearse(process.name, whole, values, salt)
        tell(
            kind="site",
            key=_number(key),
            site=site,
            target=shown,
            target_site=code_place(target),
            assigned=assigned_by(target),
            main=main_file(),
            files=files_of(values),
            fresh=rehearsal.facts,
        )
    if _is_worker(target) and process._args and id(process._args[0]) not in _workers:
        _workers[id(process._args[0])] = process._args[0], _all_globals()
    rehearsal = known[surroundings]
    own = settings()
    tell(
        kind="start",
        key=_number(key),
        child=child,
        bad=[_told(leaf) for leaf in bad],
        globals=_compare(values, rehearsal),
        settings=[
            [name, text, rehearsal.settings[name], row_of(name)]
            for name, text in own.items()
            if rehearsal.settings.get(name, text) != text
        ],
        locks=locks_in([(name[1], value) for name, value in names.items()] + [(path, value) for path, value in parts]),
        pinned=process._start_method is not None,
        misfits=notes.made_by_name(sent) if process._start_method is None else [],
        names=[".".join(name) for name in names],
        threads=threads() if site[0] else [],  # else a pool has a thread of its own that starts workers
        files=open_files({id(value) for value in (*names.values(), *process._args)}),
        codecs=notes.codecs_registered(),
        uses=sorted({f"{module}.{name}" for module, name in names if (module, name) in _NOTED}),
        **notes.changed_since_first(),
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
    place = place_of(frame) or ("", 0)
    names = reach.reachable(inner)
    then = _workers[id(queue)][1] if id(queue) in _workers else {}  # else they are started now
    values = {name: then.get(name) or texts_of(value, salt, name[1]) for name, value in sorted(names.items())}
    bad = pickles.leaves([("task", inner)])
    rehearsal = rehearse("task", None if bad else pickles.dumps(inner), values, salt)
    tell(
        kind="task",
        site=place,
        target=name_of(inner),
        names=[".".join(name) for name in names],
        target_site=code_place(inner),
        assigned=assigned_by(inner),
        bad=[_told(leaf) for leaf in bad],
        globals=_compare(values, rehearsal),
        locks=locks_in([(name[1], value) for name, value in names.items()]),
        fresh=rehearsal.facts,
        main=main_file(),
        files=files_of(values),
    )


def _told(leaf: pickles.Leaf) -> list[Any]:
    """Path, what it is, why, where its code is, its number if it is a lock that is recorded."""
    number = getattr(leaf.value, "simcore_id", 0) if hasattr(type(leaf.value), "simcore_id") else 0
    return [leaf.path, kind_of(leaf.value), leaf.why, code_place(leaf.value), number]


def _compare(values: dict[reach.Name, Texts], rehearsal: Rehearsal) -> list[list[Any]]:
    """The globals that a fresh interpreter has otherwise: name, whether they change each time, some differences."""
    found: list[list[Any]] = []
    for name, texts in values.items():
        fresh = rehearsal.texts.get(name)
        if fresh is not None and fresh != texts:
            parts = differences(texts, fresh)
            found.append([*name, name in rehearsal.unsteady, texts.get("", ""), len(parts), parts[:_MOST_DIFFERENCES]])
    return found


def _number(key: tuple[Place, str]) -> str:
    return f"{key[0][0]}:{key[0][1]}:{key[1]}"


def _own_state(process: Any) -> dict[str, object]:
    return {name: value for name, value in vars(process).items() if not name.startswith("_")}


def _all_globals() -> dict[reach.Name, Texts]:
    return {
        (reach.module_name(name), key): texts_of(value, salt, key)
        for name, module in list(sys.modules.items())
        if reach.is_user_module(name)
        for key, value in list(vars(module).items())
        if not key.startswith("__")
    }


def _is_worker(target: Any) -> bool:
    """Whether this is a library's function that does tasks of others."""
    return getattr(target, "__module__", "") in ("multiprocessing.pool", "concurrent.futures.process")
