"""Text written to stdout and stderr.

The text layer is the place: waiting for a turn any lower would hold the lock of the buffered writer below. A write is an event
with a count of its own, so that a `print` more does not renumber the actor's steps.
"""

import io
import sys
from typing import Any

from simcore.runtime import gate
from simcore.runtime.actors import acting
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.trace.events import FIXED_OBJECTS, ObjectKind


class RecordedText(io.TextIOWrapper):
    """A standard stream whose writes are events. What it says of itself is what a plain one says."""

    simcore_stream = 0

    def write(self, text: str, /) -> int:
        """As `io.TextIOWrapper.write`."""
        actor = acting()
        try:
            if actor is None or not isinstance(text, str) or self.closed:
                return super().write(text)
            return gate.current.write(actor, self.simcore_stream, str.__str__(text), super().write)
        except BaseException as error:
            hide(error)
            raise

    def __repr__(self) -> str:
        shown = super().__repr__()
        return f"<_io.{shown[1:]}" if shown.startswith("<TextIOWrapper") else shown


for _name in ("__name__", "__qualname__", "__module__"):
    setattr(RecordedText, _name, getattr(io.TextIOWrapper, _name))
RecordedText.write.__qualname__ = "TextIOWrapper.write"


def _recorded(stream: Any, number: int) -> RecordedText | None:
    if type(stream) is not io.TextIOWrapper:
        return None  # none (pythonw), or somebody's own: not ours to replace
    stream.flush()
    replacement = RecordedText(
        stream.buffer,
        encoding=stream.encoding,
        errors=stream.errors,
        newline=None if sys.platform == "win32" else "\n",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    replacement.simcore_stream = number
    replacement.__dict__["mode"] = stream.mode
    return replacement


def install(patches: Patches) -> None:
    """Put both streams in place, under both of their names."""
    for name in ("stdout", "stderr"):
        number = FIXED_OBJECTS.index((ObjectKind.STREAM, name))
        old = getattr(sys, name)
        replacement = _recorded(old, number)
        if replacement is None:
            continue
        # The old wrapper must not close the buffer that both share when it is collected; it is kept by `patches` and by
        # sys.__std*__.
        patches.set(sys, name, replacement)
        if getattr(sys, f"__{name}__") is old:
            patches.set(sys, f"__{name}__", replacement)
