"""What happens outside of simcore's control: it is counted and named, so that no answer claims more than it may.

An audit hook would see all of it, but `sys._getframe` is audited too: with any hook at all every call site costs twice as much.
"""

import os
import threading
from typing import Any

from simcore.runtime import originals, segment
from simcore.runtime.actors import acting, here
from simcore.runtime.patches import Patches
from simcore.runtime.segment import TAG_NOTE


def note(what: str, detail: str = "") -> None:
    """Count one thing of a kind, on behalf of the program."""
    if here() is not None:
        segment.current.define(TAG_NOTE, what, detail.replace("\0", ""))


def install_socket(patches: Patches, module: Any) -> None:
    """Note where sockets lead."""
    for name in ("connect", "connect_ex", "bind"):
        original = getattr(module.socket, name)

        def replaced(self: Any, address: Any, *, original: Any = original) -> Any:
            if acting() is not None:
                shown = f":{address[1]}" if isinstance(address, tuple) and len(address) > 1 else str(address)
                note("socket", shown)
            return original(self, address)

        patches.method(module.socket, name, replaced)


def count_native_threads() -> None:
    """At the end: how many threads there are that Python did not start. One that has just ended is given a moment to be gone."""
    native = 0
    for _ in range(100):
        try:
            native = len(os.listdir("/proc/self/task")) - len(threading._active)  # type: ignore[attr-defined]
        except OSError:
            return
        if native <= 0:
            return
        originals.sleep(0.001)
    note("native thread", str(native))
