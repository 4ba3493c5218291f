"""What happens outside of simcore's control: it is counted and named, so that no answer claims more than it may."""

import sys
import threading

from simcore.runtime import actors
from simcore.runtime.actors import here
from simcore.runtime.segment import TAG_NOTE

_active = False


def _heard(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: called for everything, so the common case leaves at once."""
    if event not in _EVENTS or not _active or here() is None:
        return
    what = _EVENTS[event]
    detail = ""
    if event in ("socket.connect", "socket.bind"):
        address = arguments[1]
        detail = f":{address[1]}" if isinstance(address, tuple) and len(address) > 1 else str(address)
    elif event == "subprocess.Popen":
        detail = str(arguments[0]).rpartition("/")[2]
    actors.segment.define(TAG_NOTE, what, detail.replace("\0", ""))


_EVENTS = {
    "socket.connect": "socket",
    "socket.bind": "socket",
    "subprocess.Popen": "child process",
    "os.fork": "child process",
    "os.posix_spawn": "child process",
    "os.system": "child process",
    "os.forkpty": "child process",
    "os.exec": "exec",
}


def install() -> None:
    """Listen. An audit hook cannot be taken back; after `uninstall` it does nothing."""
    global _active
    _active = True
    sys.addaudithook(_heard)


def uninstall() -> None:
    """Stop listening; say how many threads there are that Python did not start."""
    global _active
    if not _active:
        return
    _active = False
    try:
        import os

        native = len(os.listdir("/proc/self/task")) - len(threading._active)  # type: ignore[attr-defined]
    except OSError:
        return
    if native > 0:
        actors.segment.define(TAG_NOTE, "native thread", str(native))
