"""What happens outside of simcore's control: it is counted and named, so that no answer claims more than it may.

An audit hook would see all of it, but `sys._getframe` is audited too: with any hook at all every call site costs twice as much.
"""

import os
import threading
from itertools import starmap
from typing import Any

from simcore.runtime import originals, segment
from simcore.runtime.actors import acting, here
from simcore.runtime.frames import hide
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


_noted: set[str] = set()


def _note_once(what: str, detail: str) -> None:
    if what not in _noted and acting() is not None:
        _noted.add(what)
        note(what, detail)


def install_fcntl(patches: Patches, module: Any) -> None:
    """Note that processes exclude each other by locks of the file system."""
    for name in ("flock", "lockf"):
        original = getattr(module, name)

        def replaced(*arguments: Any, name: str = name, original: Any = original) -> Any:
            _note_once("file lock", f"fcntl.{name}")
            done: list[Any] = []  # its name says that a signal is let in here
            try:
                done.extend(starmap(original, (arguments,)))
            except BaseException as error:
                hide(error)
                raise
            return done[0]

        patches.set(module, name, replaced)


def install_asyncio(patches: Patches, module: Any) -> None:
    """Note that other threads hand callbacks to a loop: when it wakes up for that is in no recording."""
    original = module.BaseEventLoop.call_soon_threadsafe

    def call_soon_threadsafe(self: Any, *arguments: Any, **named: Any) -> Any:
        if self._thread_id not in (None, originals.get_ident()):
            _note_once("asyncio loop", "woken by another thread")
        try:
            return original(self, *arguments, **named)
        except BaseException as error:
            hide(error)
            raise

    patches.method(module.BaseEventLoop, "call_soon_threadsafe", call_soon_threadsafe)


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
