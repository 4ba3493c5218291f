"""Our own frames are none of the program's business: what it sees of its stack and its errors is what a plain run shows."""

import os
from collections.abc import Callable
from itertools import starmap
from types import FrameType
from typing import Final, TypeVar

_T = TypeVar("_T")

HERE: Final = os.path.dirname(__file__) + os.sep


def is_ours(frame: FrameType) -> bool:
    """Whether the recorder itself runs in this frame."""
    return frame.f_code.co_filename.startswith(HERE)


def program_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame from here outwards that is not ours."""
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    return frame


def hide(error: BaseException) -> None:
    """Take our frames out of an error's traceback. To be called in the outermost of them, with a bare `raise` behind it.

    A bare `raise` adds no entry for the frame it stands in, so none of ours comes back.
    """
    trace = error.__traceback__
    while trace is not None and is_ours(trace.tb_frame):
        trace = trace.tb_next
    error.__traceback__ = trace
    while trace is not None:
        after = trace.tb_next
        if after is not None and is_ours(after.tb_frame):
            while after is not None and is_ours(after.tb_frame):
                after = after.tb_next
            trace.tb_next = after
        trace = after


def wait_in_c(call: Callable[..., _T], *arguments: object) -> _T:
    """Call what waits, in C. Here `signals` lets a handler in, until that is done and no longer.

    One that came just before is let in before the wait begins. An error that a handler raised between a lock that is taken so and
    the program's own frame would leave it taken for ever.
    """
    done: list[_T] = []
    done.extend(starmap(call, (arguments,)))
    return done[0]
