"""The rehearsal: a fresh interpreter that prepares itself as a spawned child does, and says what came of it instead of working.

It is started by `preflight_inside` with three files: its job, where its answer goes, where what the program writes goes. Standard
library only.
"""

import json
import os
import pickle
import sys
import threading
import time
from importlib import import_module
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn

from simcore.methods import reach
from simcore.methods.pickles import loads
from simcore.methods.preflight_state import settings
from simcore.methods.texts import texts_of

_NOT_USERS: Final = (os.path.dirname(os.__file__) + os.sep, os.path.dirname(__file__) + os.sep, "<")


def main(job_file: int, answer_file: int, output_file: int) -> NoReturn:
    """Do the job and end."""
    for number in (job_file, answer_file, output_file):
        os.set_inheritable(number, False)
    os.dup2(output_file, 1)
    os.dup2(output_file, 2)
    with open(job_file, "rb") as file:
        job = pickle.load(file)
    answer = rehearse(job)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # closed by the program
    with open(answer_file, "wb") as answers:
        answers.write(json.dumps(answer).encode())
    os._exit(0)  # threads that the import started do not keep it


def rehearse(job: dict[str, Any]) -> dict[str, Any]:
    """Import the main module, unpickle, look at the globals; an error says in which of these `phase`s."""
    answer: dict[str, Any] = {"phase": "", "error": "", "site": None, "started": None, "written": 0, "effects": [], "threads": []}
    started: list[FrameType] = []
    codecs = _count_codecs()
    effects = _watch_effects()
    _forbid_starts(started)
    from multiprocessing import process, spawn

    me: Any = process.current_process()
    me._inheriting = True
    try:
        answer["phase"] = "import"
        spawn.prepare(job["preparation"])
        answer["threads"] = [thread.name for thread in threading.enumerate()[1:]]
        answer["effects"] = list(dict.fromkeys(effects))
        answer["phase"] = "unpickle"
        if job["sent"] is not None:
            loads(job["sent"])
        answer["phase"] = ""
    except BaseException as error:
        answer["error"] = _told(error)
        answer["site"] = _site(error.__traceback__)
    finally:
        answer["written"] = _lines_written()
        if hasattr(me, "_inheriting"):
            del me._inheriting
    if started:
        answer["started"] = [started[0].f_code.co_filename, started[0].f_lineno]
    answer["seconds"] = time.monotonic() - job["began"]
    if answer["phase"] != "import":
        answer["texts"] = [texts_of(_value(tuple(name)), job["salt"], name[1]) for name in job["names"]]
        answer["settings"] = settings()
        answer["codecs"] = len(codecs)
    return answer


def _forbid_starts(started: list[FrameType]) -> None:
    """A child that is being prepared must start none, under whatever method the program asks for; and none is to run here."""
    from multiprocessing import process

    def start(self: Any) -> NoReturn:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and not _is_users(frame.f_code.co_filename) and frame.f_back is not None:
            frame = frame.f_back
        if frame is not None:
            started.append(frame)
        raise RuntimeError("a process is started while the main module is imported")

    process.BaseProcess.start = start  # type: ignore[method-assign]
    os.fork = lambda: start(None)


_EFFECTS: Final = {
    "os.mkdir": "makes a folder",
    "os.remove": "removes a file",
    "os.rename": "renames a file",
    "os.system": "starts a program",
    "socket.bind": "binds a socket",
    "socket.connect": "connects a socket",
    "subprocess.Popen": "starts a program",
}


def _watch_effects() -> list[str]:
    """What is done to the world from now on, in words; audit events tell."""
    found: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EFFECTS:
            found.append(_EFFECTS[event])
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            path, mode, flags = os.fsdecode(arguments[0]), arguments[1], arguments[2]
            writes = any(letter in mode for letter in "wax+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR))
            if writes and not path.startswith("/dev/") and "__pycache__" not in path:
                found.append("writes a file")

    sys.addaudithook(hook)
    return found


def _count_codecs() -> list[object]:
    """The functions that are registered with `codecs` from now on, also for `sys.modules["_codecs"]`."""
    import _codecs
    import codecs

    real, found = codecs.register, list[object]()

    def register(search: Any) -> None:
        found.append(search)
        real(search)

    codecs.register = _codecs.register = register
    return found


def _is_users(file: str) -> bool:
    return (
        not file.startswith((os.path.dirname(os.__file__) + os.sep, "<"))
        and f"{os.sep}simcore{os.sep}methods{os.sep}" not in file
    )


def _told(error: BaseException) -> str:
    """What an error says; of the program's own errors only the class, for their words may hold its data."""
    name = type(error).__name__
    if isinstance(error, AttributeError) and "Can't get attribute" in str(error):
        return f"{name}: {str(error).partition(' on <')[0]}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    is_python = isinstance(error, ImportError) or str(error) == "context has already been set"
    return f"{name}: {error}" if is_python else name


def _site(trace: TracebackType | None) -> list[Any] | None:
    """The innermost line of the user's."""
    found = None
    while trace is not None:
        if _is_users(trace.tb_frame.f_code.co_filename):
            found = [trace.tb_frame.f_code.co_filename, trace.tb_lineno]
        trace = trace.tb_next
    return found


def _value(name: Any) -> object:
    if name[0] not in sys.modules:
        try:
            import_module(name[0])
        except BaseException:
            return reach.MISSING
    return reach.look_up(name)


def _lines_written() -> int:
    """How many lines the process has written so far."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
    try:
        return os.pread(1, 1 << 20, 0).count(b"\n")
    except OSError:
        return 0
