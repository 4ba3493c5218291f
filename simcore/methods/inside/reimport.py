"""While a child that is not forked imports the main module: what that import does to the world."""

import os
import sys
from typing import Any

from simcore.methods.inside import log

_EFFECTS = {
    "socket.connect": "connects a socket",
    "socket.bind": "binds a socket",
    "subprocess.Popen": "starts a program",
    "os.system": "starts a program",
    "os.remove": "removes a file",
    "os.mkdir": "makes a folder",
    "os.rename": "renames a file",
}


class Watched:
    """What is written to stdout and stderr meanwhile is counted and then passed on; audit events tell of the rest."""

    on = False
    seen: dict[str, int]
    hooked = False

    def __enter__(self) -> None:
        self._main = sys.modules.get("__mp_main__")
        Watched.seen = {}
        Watched.on = True
        if not Watched.hooked:
            Watched.hooked = True
            sys.addaudithook(_audit)
        self._kept: list[tuple[int, int, int]] = []
        for number in (1, 2):
            try:
                real, memory = os.dup(number), os.memfd_create("simcore")
                os.dup2(memory, number)
                self._kept.append((number, real, memory))
            except (AttributeError, OSError):
                pass  # closed, or not on this platform

    def __exit__(self, *_: Any) -> None:
        Watched.on = False
        lines = 0
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                pass
        for number, real, memory in self._kept:
            size = os.lseek(memory, 0, os.SEEK_END)
            text = os.pread(memory, size, 0) if size else b""
            lines += text.count(b"\n") + (not text.endswith(b"\n") if text else 0) if number == 1 else 0
            os.dup2(real, number)
            os.close(real)
            os.close(memory)
            if text:
                os.write(number, text)
        main = sys.modules.get("__mp_main__")
        log.write("reimport", again=main is not None and main is not self._main, lines=lines, effects=dict(Watched.seen))


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not Watched.on:
        return
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & (os.O_WRONLY | os.O_RDWR))
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else ""
        if not writes or path.startswith(("/dev/", log.folder)) or path.endswith(".pyc") or "__pycache__" in path:
            return
        what = "writes a file"
    elif event in _EFFECTS:
        what = _EFFECTS[event]
    else:
        return
    Watched.seen[what] = Watched.seen.get(what, 0) + 1
