"""Who took which lock of `multiprocessing` when: two clock readings per acquisition, kept in memory until the process ends."""

import os
from time import monotonic_ns
from typing import Any

_MOST = 100_000
_made = 0

taken: list[tuple[str, int, int]] = []
"""Lock, when it was asked for, when it was had."""


def new_lock() -> str:
    """A name for a lock that forked children know it by, too."""
    global _made
    _made += 1
    return f"{os.getpid()}-{_made}"


def install(cls: Any) -> None:
    """Replace how a lock is taken."""
    real_methods = cls._make_methods

    def timed(self: Any, take: Any) -> Any:
        key = self._semlock.name or getattr(self, "_simcore_id", "")

        def acquire(*arguments: Any, **named: Any) -> Any:
            asked = monotonic_ns()
            got = take(*arguments, **named)
            if got and len(taken) < _MOST:
                taken.append((key, asked, monotonic_ns()))
            return got

        return acquire

    def _make_methods(self: Any) -> None:
        real_methods(self)
        self.acquire = timed(self, self._semlock.acquire)

    def __enter__(self: Any) -> Any:
        return self.acquire()

    cls._make_methods, cls.__enter__ = _make_methods, __enter__
