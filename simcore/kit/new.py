"""Writes a new pattern: a single file with its test beside it, or a package that can be installed."""

from __future__ import annotations

import keyword
import os
import re
import sys
from pathlib import Path
from typing import Final

from simcore.engine.plugins import PluginHost
from simcore.errors import UsageError
from simcore.kit import templates

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TAKEN: Final = frozenset({"simcore", "simcore_patterns", "conftest", "test", "tests", "setup", "src", "pytest"})
"""Names that a module beside a test must not have, though the standard library has none of them."""

_LONGEST: Final = 60


def new_file(name: str, folder: Path, host: PluginHost | None = None) -> list[Path]:
    """Write `my_pattern.py` and `test_my_pattern.py` into the folder; their paths, the pattern's first.

    Raises: UsageError for a name that cannot be one, and when anything of it is there already: nothing is written then.
    """
    function = _function(name, host)
    return _write(folder, {f"{function}.py": templates.PATTERN, f"test_{function}.py": templates.TEST}, name, function, function)


def new_package(name: str, folder: Path, host: PluginHost | None = None) -> list[Path]:
    """Write a folder `my-pattern` with a package that can be installed; the paths of its files, the pattern's first.

    Raises: UsageError as `new_file`, and when the folder is there already.
    """
    function = _function(name, host)
    if (folder / name).exists() or (folder / name).is_symlink():
        raise UsageError(
            f"{_shown(folder / name)} is there already; nothing is overwritten", "choose another name, or move it away"
        )
    files = {
        f"src/{function}/{function}.py": templates.PATTERN,
        f"tests/test_{function}.py": templates.TEST,
        "pyproject.toml": templates.PYPROJECT,
        "README.md": templates.README,
        f"src/{function}/__init__.py": templates.PACKAGE,
    }
    return _write(folder / name, files, name, function, f"{function}.{function}")


def _function(name: str, host: PluginHost | None) -> str:
    """The name of the function and module. Raises: UsageError when the pattern cannot be called so."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        likely = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].strip("-")
        hint = f"did you mean {likely} ?" if _NAME.fullmatch(likely) and not _hides(likely) else "write it as in my-pattern"
        found = repr(name) if len(name) <= _LONGEST else f"a name of {len(name)} letters"
        raise UsageError(
            f"{found} cannot be a pattern's name; expected small letters, digits and single '-', a letter first", hint
        )
    function = name.replace("-", "_")
    other = f"`simcore plugins new my-{name}` writes one of another name"
    if hidden := _hides(name):
        raise UsageError(f"{name} cannot be a pattern's name: a file {function}.py would {hidden}", other)
    found_pattern = (host or PluginHost()).patterns.get(name)
    if found_pattern is not None:
        raise UsageError(f"there is a pattern {name} already, from plugin {found_pattern.plugin!r}", other)
    return function


def _hides(name: str) -> str:
    """What stands in the way of a file of this name, in words that follow `would`, or empty."""
    function = name.replace("-", "_")
    if function in sys.stdlib_module_names:
        return f"hide Python's own module {function}"
    return "have a name that is taken" if keyword.iskeyword(function) or function in _TAKEN else ""


def _write(folder: Path, files: dict[str, str], name: str, function: str, imported: str) -> list[Path]:
    """Write the files, none of which is there. What was written is taken back when one cannot be."""
    words = {"NAME": name, "FUNCTION": function, "CLASS": function.title().replace("_", ""), "IMPORT": imported}
    there = [_shown(folder / file) for file in files if os.path.lexists(folder / file)]
    if there:
        raise UsageError(
            f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already; nothing is overwritten",
            "choose another name, or move what is there away",
        )
    written: list[Path] = []
    made: list[Path] = []
    try:
        for file, template in files.items():
            path = folder / file
            missing = [parent for parent in path.parents if not parent.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            made += reversed(missing)
            with path.open("x", encoding="utf-8") as opened:  # never over what somebody wrote a moment ago
                written.append(path)
                opened.write(re.sub(r"@([A-Z]+)@", lambda found: words[found[1]], template))
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        for parent in reversed(made):
            parent.rmdir()
        raise UsageError(
            f"{_shown(folder / file)} cannot be written: {error.strerror}", "change to a folder that you may write to"
        ) from None
    return written


def _shown(path: Path) -> str:
    below = os.path.relpath(path)
    return str(path) if below.startswith("..") else below
