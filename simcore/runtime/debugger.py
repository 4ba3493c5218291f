"""The debugger of a replay: opened in the frame that is about to act, while everyone else waits for a turn."""

import os
import pdb
import sys
from types import FrameType

from simcore.runtime.actors import Actor
from simcore.runtime.sites import is_internal


def open_debugger(actor: Actor) -> None:
    """Talk to the user in the calling frame of the user's until told to go on. Reads stdin, writes to stderr; blocks."""
    frame = sys._getframe(1)
    while frame.f_back is not None and is_internal(frame.f_code):
        frame = frame.f_back
    debugger = pdb.Pdb(stdin=os.fdopen(os.dup(0)), stdout=os.fdopen(os.dup(2), "w"), nosigint=True, skip=["simcore.*"])
    debugger.prompt = f"(simcore {actor.name}) "
    debugger.reset()
    outermost = frame
    while outermost.f_back is not None:
        outermost = outermost.f_back
    debugger.botframe = outermost
    actor.raw += 1
    try:
        debugger.interaction(frame, None)
    finally:
        actor.raw -= 1
    if debugger.stoplineno == -1 and not debugger.breaks:
        return  # go on without the debugger
    inner: FrameType | None = frame
    while inner is not None:  # as bdb.set_trace does, which would stop only behind the operation
        inner.f_trace = debugger.trace_dispatch
        inner = inner.f_back
    sys.settrace(debugger.trace_dispatch)
