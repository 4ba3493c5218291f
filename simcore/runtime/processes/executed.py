"""Children that are executed: the environment they get tells them who they are, also when the program passes its own."""

import os
import sys
from typing import Any

from simcore.runtime.actors import here
from simcore.runtime.patches import Patches
from simcore.runtime.processes.birth import SERVICE, VARIABLE

_ARGUMENTS, _ENVIRONMENT = 0, 5
"""Where `fork_exec` takes what is executed, and its environment or None."""

_KEPT = (
    *("SIMCORE_RUN", "SIMCORE_HOME", "SIMCORE_MODE"),
    *("SIMCORE_SEED", "SIMCORE_CHAOS", "SIMCORE_SWITCH_INTERVAL", "SIMCORE_START_METHOD"),
)
_KEPT_IN_REPLAY = ("SIMCORE_REAL_TIME",)
_ours: dict[bytes, bytes] = {}
"""What a child of ours needs in its environment."""

_boot = b""
_fork_exec: Any = None


def _replaced(*arguments: Any) -> int:
    """As `_posixsubprocess.fork_exec`."""
    who = _who(arguments[_ARGUMENTS])
    if who is not None:
        changed = list(arguments)
        changed[_ENVIRONMENT] = _environment(arguments[_ENVIRONMENT], who)
        arguments = tuple(changed)
    pid: int = _fork_exec(*arguments)
    return pid


def _who(words: Any) -> bytes | None:
    """Who the child will be; empty for one that is not to be recorded, None for one that nobody has announced."""
    line = b" ".join(os.fsencode(word) for word in words)
    if b"from multiprocessing.resource_tracker import main" in line:
        return b""
    if b"from multiprocessing.forkserver import main" in line:
        return SERVICE.encode()
    actor = here()
    if actor is None or actor.birth is None:
        return None
    return str(actor.birth).encode()


def _environment(given: Any, who: bytes) -> list[bytes]:
    """The environment that the program wants its child to have, with ours in it."""
    entries = dict(os.environb.items()) if given is None else {}
    for entry in given or ():
        key, _, value = os.fsencode(entry).partition(b"=")
        entries[key] = value
    for key in _ours:
        entries.pop(key, None)
    if who:
        entries.update(_ours)
        path = [part for part in entries.get(b"PYTHONPATH", b"").split(b":") if part and part != _boot]
        entries[b"PYTHONPATH"] = b":".join([_boot, *path])
        entries[VARIABLE.encode()] = who
    return [key + b"=" + value for key, value in entries.items()]


def install(patches: Patches) -> None:
    """Remember the environment this process was recorded under, and replace the function that executes children."""
    global _boot, _fork_exec
    import _posixsubprocess

    environment = os.environb
    for name in (*_KEPT, *_KEPT_IN_REPLAY, "PYTHONHASHSEED"):
        value = environment.get(name.encode())
        if value is not None:
            _ours[name.encode()] = value
    home = environment.get(b"SIMCORE_HOME", b"")
    _boot = os.path.join(home, b"simcore", b"runtime", b"boot")
    _fork_exec = _posixsubprocess.fork_exec
    patches.set(_posixsubprocess, "fork_exec", _replaced)
    subprocess = sys.modules.get("subprocess")
    if subprocess is not None:
        patches.set(subprocess, "_fork_exec", _posixsubprocess.fork_exec)
