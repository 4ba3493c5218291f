"""Starts the fresh interpreter of a rehearsal, as `multiprocessing` starts a spawned child, and reads its answer.

Standard library and runtime only: this runs inside the recorded program.
"""

import json
import os
import pickle
import signal
import sys
from typing import Any, Final

from simcore.methods.reach import Name
from simcore.methods.texts import Texts
from simcore.runtime import originals
from simcore.runtime.processes import birth as births

_PATIENCE_S: Final = 60.0
_PAUSE_S: Final = 0.005
_HOME: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Rehearsal:
    """What a fresh interpreter had: texts of globals and settings, which globals differ each time, and `facts` of its start."""

    def __init__(self, texts: dict[Name, Texts], settings: dict[str, str], unsteady: set[Name], facts: dict[str, Any]) -> None:
        self.texts, self.settings, self.unsteady, self.facts = texts, settings, unsteady, facts


def rehearse(name: str, sent: bytes | None, values: dict[Name, Texts], salt: bytes) -> Rehearsal:
    """Let a fresh interpreter prepare itself and look at the globals of these names; a second one, where they are not the same.

    `sent` is what it is to unpickle, None for nothing. Blocks until it has ended.
    """
    names = list(values)
    answer = _run(name, sent, names, salt)
    texts = dict(zip(names, answer.pop("texts", ()), strict=False))
    differing = [name for name in names if name in texts and texts[name] != values[name]]
    unsteady: set[Name] = set()
    if differing:
        again = _run(name, sent, differing, salt).get("texts", ())
        unsteady = {key for key, other in zip(differing, again, strict=False) if texts[key] != other}
    return Rehearsal(texts, answer.pop("settings", {}), unsteady, answer)


def _run(name: str, sent: bytes | None, names: list[Name], salt: bytes) -> dict[str, Any]:
    from multiprocessing import spawn

    files = [_nameless() for _ in range(3)]
    try:
        job = pickle.dumps(
            {"preparation": _preparation(name), "sent": sent, "names": names, "salt": salt, "began": originals.monotonic()}
        )
        with open(os.dup(files[0]), "wb") as file:
            file.write(job)
        os.lseek(files[0], 0, os.SEEK_SET)
        call = f"import sys; sys.path.insert(0, {_HOME!r}); from simcore.methods.preflight_fresh import main; main(*{files!r})"
        ended = _wait(_start([spawn.get_executable(), *_flags(), "-c", call], files))
        os.lseek(files[1], 0, os.SEEK_SET)
        with open(os.dup(files[1]), "rb") as file:
            text = file.read()
    finally:
        for number in files:
            os.close(number)
    if text:
        answer: dict[str, Any] = json.loads(text)
        return answer
    error = "it did not end within a minute" if not ended else "the interpreter ended without an answer"
    return {
        "phase": "import",
        "error": error,
        "site": None,
        "started": None,
        "written": 0,
        "effects": [],
        "threads": [],
        "seconds": 0.0,
    }


def _preparation(name: str) -> dict[str, Any]:
    """What `multiprocessing` tells a spawned child, without what only a real one may know."""
    from multiprocessing import spawn

    data: dict[str, Any] = spawn.get_preparation_data(name)
    return {key: value for key, value in data.items() if key not in ("authkey", "simcore_actor")} | {"start_method": "spawn"}


def _flags() -> list[str]:
    from multiprocessing import util

    flags: list[str] = util._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return flags


def _nameless() -> int:
    """A file without a name, readable and writable by us only."""
    path = f"{births.folder}/rehearsal-{originals.getpid()}-{originals.get_ident()}"
    number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return number


def _start(words: list[str], files: list[int]) -> int:
    from multiprocessing import util

    return util.spawnv_passfds(os.fsencode(sys.executable), words, files)


def _wait(pid: int) -> bool:
    """Wait for its end; one that does not come is brought about, and then this is False."""
    waited = 0.0
    while waited < _PATIENCE_S:
        try:
            if originals.waitpid(pid, os.WNOHANG)[0]:
                return True
        except ChildProcessError:
            return True  # a handler of the program's has waited for it
        originals.sleep(_PAUSE_S)
        waited += _PAUSE_S
    originals.kill(pid, signal.SIGKILL)
    originals.waitpid(pid, 0)
    return False
