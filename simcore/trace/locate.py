"""Which event is meant by `@4711`, `main/1:17`, `worker-1:17`, `bank.py:42`, `failure`, `deadlock`; what name to show for one."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import compress
from pathlib import PurePath
from typing import Final

from simcore.errors import UsageError
from simcore.trace.events import UNCOUNTED_KINDS, Kind, Outcome
from simcore.trace.model import Trace

_GRAMMAR: Final = "@4711, main/1:17 (actor:step), file.py:42, failure or deadlock"
_LAST_OF_ALL: Final = frozenset({Kind.END, Kind.EXIT})


def locate(trace: Trace, spec: str) -> int:
    """The position of the event that `spec` names.

    `@N` is a position, from 0. `ACTOR:STEP` takes the actor's path or the name that the program gave the thread. `FILE:LINE` is
    the first event at that line; the file may be given by the end of its path. `failure` is the last thing that the failed actor
    did in the function that failed, `deadlock` the last that the actor did whose waiting closed the cycle. Raises: UsageError.
    """
    spec = spec.strip()
    if spec.startswith("@"):
        return _position(trace, spec)
    if spec in ("failure", "deadlock"):
        return _failure(trace, spec)
    name, colon, number = spec.rpartition(":")
    if colon and _is_number(number):
        if actors := _actors(trace, name):
            return _step(trace, name, actors, int(number))
        if files := _files(trace, name):
            return _line(trace, name, files, int(number))
        raise _unknown(trace, name, number)
    if _is_number(spec):
        raise UsageError(f"{spec} names no event, expected {_GRAMMAR}", f"did you mean @{spec} ?")
    if actors := _actors(trace, spec):
        raise UsageError(f"{spec} names an actor, expected an event", f"name one of its steps: {spec}:1")
    if close := get_close_matches(spec, ["failure", "deadlock"], 1):
        raise UsageError(f"{spec!r} names no event, expected {_GRAMMAR}", f"did you mean {close[0]} ?")
    raise UsageError(f"{spec!r} names no event, expected {_GRAMMAR}", "`simcore show` lists the events with their names")


def name_of(trace: Trace, position: int) -> str:
    """What can be given to `locate` to get this position: `main/1:17`, or `@4711` for what is no step. Raises: IndexError."""
    actor, kind = trace.columns.actor[position], trace.columns.kind[position]
    if kind in UNCOUNTED_KINDS:
        return f"@{range(len(trace))[position]}"
    return f"{trace.actors[actor].name}:{trace.steps[position]}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _position(trace: Trace, spec: str) -> int:
    digits = spec[1:].replace(",", "")
    if not _is_number(digits):
        raise UsageError(f"{spec!r} is no position, expected a number after the @", "`simcore show` lists the positions")
    if int(digits) >= len(trace):
        found = f"the trace has {len(trace):,} events, @0 to @{len(trace) - 1}" if len(trace) else "the trace has none"
        raise UsageError(f"there is no event @{digits}: {found}", _last(trace, len(trace) - 1))
    return int(digits)


def _last(trace: Trace, position: int) -> str:
    return f"the last one is {name_of(trace, position)}" if position >= 0 else "`simcore show` says how the run ended"


def _actors(trace: Trace, name: str) -> list[int]:
    """The actors that are meant: the one of this path, else all whose thread has this name."""
    paths = [index for index, info in enumerate(trace.actors) if info.name == name]
    return paths or [index for index, info in enumerate(trace.actors) if name and info.thread_name == name]


def _of_actor(trace: Trace, actor: int) -> Iterable[int]:
    """The positions of an actor's events."""
    return (position for position, other in enumerate(trace.columns.actor) if other == actor)


def _step(trace: Trace, name: str, actors: list[int], step: int) -> int:
    if len(actors) > 1:
        paths = [trace.actors[actor].name for actor in actors]
        raise UsageError(f"{len(paths)} threads are named {name}: {_few(paths)}", f"use the path: {paths[0]}:{step}")
    last = None
    for position in _of_actor(trace, actors[0]):
        if trace.columns.kind[position] not in UNCOUNTED_KINDS:
            last = position
            if trace.steps[position] == step:
                return position
    if last is None:
        raise UsageError(f"{name} has no steps in this trace", "`simcore show` lists who did what")
    raise UsageError(f"{name} has no step {step}: its steps are 1 to {trace.steps[last]}", _last(trace, last))


def _files(trace: Trace, name: str) -> list[str]:
    """The files with call sites that are meant: this path, else all that end with it."""
    files = sorted({site.file for site in trace.sites if site.line})
    given = PurePath(name).as_posix()
    root = trace.header.root.rstrip("/") + "/"
    if trace.header.root and given.startswith(root):
        given = given[len(root) :]
    given = given.removeprefix("./")
    return [file for file in files if file == given] or [file for file in files if given and file.endswith("/" + given)]


def _line(trace: Trace, name: str, files: list[str], line: int) -> int:
    if len(files) > 1:
        raise UsageError(f"{name} may be any of {len(files)} files: {_few(files)}", f"give more of the path: {files[0]}:{line}")
    wanted = bytes(site.file == files[0] and site.line == line for site in trace.sites)
    found = next(compress(range(len(trace)), map(wanted.__getitem__, trace.columns.site)), None)
    if found is not None:
        return found
    used = set(trace.columns.site)
    lines = sorted({site.line for index, site in enumerate(trace.sites) if site.file == files[0] and index in used})
    if not lines:
        raise UsageError(f"no event of this trace is in {files[0]}", "`simcore show` lists the events with their call sites")
    nearest = min(lines, key=lambda other: (abs(other - line), other))
    raise UsageError(
        f"no event of this trace is at {name}:{line}; {files[0]} has events at {_few(lines)}", f"did you mean {name}:{nearest} ?"
    )


def _unknown(trace: Trace, name: str, number: str) -> UsageError:
    names = dict.fromkeys(name for info in trace.actors for name in info if name)
    names |= dict.fromkeys(site.file for site in trace.sites if site.line)
    names |= dict.fromkeys(site.file.rpartition("/")[2] for site in trace.sites if site.line)
    close = get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]}:{number} ?" if close else f"its actors are {_few([info.name for info in trace.actors])}"
    return UsageError(f"this trace has neither an actor nor a file {name!r}", hint)


def _few(items: Iterable[object], most: int = 8) -> str:
    """The first few, separated by commas."""
    texts = [str(item) for item in items]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def _failure(trace: Trace, spec: str) -> int:
    outcome = trace.outcome
    if outcome is Outcome.OK or (spec == "deadlock" and outcome is not Outcome.DEADLOCK):
        hint = "`simcore record --until-failure` repeats until it fails" if outcome is Outcome.OK else "did you mean failure ?"
        raise UsageError(f"this trace has no {spec}: the run ended {outcome.word}", hint)
    if not len(trace):
        raise UsageError(f"this trace has no event, so none for its {spec}", _last(trace, -1))
    if outcome is Outcome.DEADLOCK or outcome is Outcome.STALLED:
        waits = [(link.since_ns, link.actor) for link in trace.ending.deadlock]
        waits = waits or [(pending.since_ns, pending.actor) for pending in trace.ending.pending]
        if waits:
            since_ns, actor = max(waits)
            before = [position for position in _of_actor(trace, actor) if trace.columns.at_ns[position] <= since_ns]
            return before[-1] if before else len(trace) - 1
    if outcome is Outcome.FAILED:
        return _last_of_failed(trace)
    return len(trace) - 1


def _last_of_failed(trace: Trace) -> int:
    """Of the thread that ended by an exception, else of main: its last event in the function of the error, else its last."""
    c = trace.columns
    raised = (position for position in range(len(trace)) if c.kind[position] == Kind.END and c.value[position] == 1)
    end = next(raised, None)
    actor = c.actor[end] if end is not None else 0
    events = [position for position in _of_actor(trace, actor) if c.kind[position] not in _LAST_OF_ALL]
    error = trace.sites[trace.ending.error_site]
    near = [p for p in events if error.line and trace.sites[c.site[p]][::2] == error[::2]]
    return (near or events or [len(trace) - 1])[-1]
