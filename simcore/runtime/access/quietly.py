"""Keeps our frames out of the tracebacks of the program's errors."""

from collections.abc import Callable
from typing import Any

from simcore.runtime.frames import hide


def quietly(function: Callable[..., Any]) -> Any:
    """The same function, with none of our frames in the tracebacks of its errors."""

    def called(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except BaseException as error:
            hide(error)
            raise

    return called
