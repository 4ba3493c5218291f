"""Lets a program run as it might elsewhere: with its objects at other addresses, with directories listed in another order.

On one machine both come out alike again and again, by luck: small objects lie at the same offsets, and a folder is listed as the
day before. So a replay in the same surroundings does not show that a program depends on them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_CODE: Final = '''
"""Written by `simcore plugins check` for one run."""

import os
import sys

_kept = []


def _scatter(event, _arguments):
    """Whenever a module is about to run: take blocks of small objects, and give every other one back, here and there.

    The holes are filled in the order in which they are made, and what has run since filled those that were made before.
    """
    if event in ("exec", "cpython.run_file"):
        kept = [[bytes(size) for _ in range({shift})] for size in range(1, 112, 16)]  # from 48 bytes on
        kept += [[object() for _ in range({shift})], [complex(1) for _ in range({shift})]]  # 16 bytes, 32 bytes
        for blocks in kept:
            for at in sorted(range({shift}), key=lambda at: at * 7919 % 104729 * {shift} % 1009)[::2]:
                blocks[at] = None
        _kept[:] = kept


if {shift}:
    sys.addaudithook(_scatter)


def _turned(name):
    original = getattr(os, name)

    def listed(*arguments):
        return sorted(original(*arguments), reverse={reverse})

    listed.__name__ = listed.__qualname__ = name
    setattr(os, name, listed)


class _Entries:
    """As what os.scandir returns: an iterator that can be closed."""

    def __init__(self, *arguments):
        with _scandir(*arguments) as entries:
            self._entries = iter(sorted(entries, key=lambda entry: entry.name, reverse={reverse}))

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._entries)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def close(self):
        pass


_scandir = os.scandir
os.scandir = _Entries
_turned("listdir")


def _chain():
    """The program's own sitecustomize goes on."""
    from importlib.machinery import PathFinder

    here = os.path.dirname(__file__)
    spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if os.path.abspath(entry or ".") != here])
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        spec.loader.exec_module(module_from_spec(spec))


_chain()
'''

_BLOCKS: Final = 301
"""So many blocks of each size are taken, and half of them given back here and there."""


class Surroundings:
    """What programs that are started meanwhile find: as usual, or disturbed."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "sitecustomize.py"
        self.settle()

    def settle(self) -> None:
        """As for the recording."""
        self._write(0, False)

    def move_objects(self, number: int) -> None:
        """Let the objects of the program lie elsewhere; each number is another place."""
        self._write(number * _BLOCKS, False)

    def turn_listings(self) -> None:
        """Let directories be listed backwards."""
        self._write(0, True)

    def _write(self, shift: int, reverse: bool) -> None:
        self._file.write_text(_CODE.replace("{shift}", str(shift)).replace("{reverse}", str(reverse)), encoding="utf-8")


@contextmanager
def surroundings() -> Iterator[Surroundings]:
    """Surroundings for all programs that this process starts meanwhile: it changes its own PYTHONPATH, and puts it back."""
    before = os.environ.get("PYTHONPATH")
    with tempfile.TemporaryDirectory(prefix="simcore-check-") as folder:
        os.environ["PYTHONPATH"] = os.pathsep.join([os.path.realpath(folder), *([before] if before else [])])
        os.environ["PYTHONDONTWRITEBYTECODE"], kept = "1", os.environ.get("PYTHONDONTWRITEBYTECODE")
        try:
            yield Surroundings(Path(folder))
        finally:
            for name, value in (("PYTHONPATH", before), ("PYTHONDONTWRITEBYTECODE", kept)):
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
