"""The header of a trace: what is known of a run before it starts, and what its process then says of itself."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from simcore import __version__
from simcore.trace.model import Header, Scenario

_GIT_TIMEOUT_S: Final = 5

_INSTALLED: Final = ("library", "packages")
"""The folders that a process names of itself beside its root: that of the standard library, and of packages."""


def new_header(scenario: Scenario) -> Header:
    """What is known before the program runs."""
    commit, dirty = _git(scenario.cwd)
    return Header(
        scenario=scenario,
        simcore=__version__,
        python=platform.python_version(),
        implementation=sys.implementation.name,
        platform=platform.system(),
        machine=platform.machine(),
        plugin_version=_plugin_version(scenario),
        git_commit=commit,
        git_dirty=dirty,
        root=scenario.cwd,
        wall_ns=time.time_ns(),
        executable=sys.executable,
    )


def completed(header: Header, process: Mapping[str, str], start_ns: int) -> Header:
    """The header with what the process said of itself: its interpreter may be another than the controller's."""
    root = process.get("root", header.root)
    return replace(
        header,
        python=process.get("python", header.python),
        implementation=process.get("implementation", header.implementation),
        executable=process.get("executable", header.executable),
        gil=process.get("gil", "1") == "1",
        pid=int(process.get("pid", 0)),
        ppid=int(process.get("ppid", 0)),
        start_ns=start_ns,
        root=root,
        folder_bytes={"root": len(os.fsencode(root)), **{name: len(os.fsencode(process.get(name, ""))) for name in _INSTALLED}},
    )


def to_plain(header: Header) -> dict[str, Any]:
    """A header as JSON can hold it."""
    return asdict(header)


def from_plain(plain: Mapping[str, Any]) -> Header:
    """A header from its plain form. Raises: KeyError, TypeError, ValueError for what is none."""
    scenario = dict(plain["scenario"])
    for field in fields(Scenario):
        if isinstance(scenario.get(field.name), list):
            scenario[field.name] = tuple(scenario[field.name])
    return Header(**{**plain, "scenario": Scenario(**scenario)})


def _plugin_version(scenario: Scenario) -> str:
    if not scenario.plugin or scenario.plugin_file:
        return ""
    try:
        return version(scenario.plugin)
    except PackageNotFoundError:
        return ""


def _git(folder: str) -> tuple[str, bool]:
    """The commit that is checked out, and whether anything differs from it; empty outside of git."""
    if not any((parent / ".git").exists() for parent in (Path(folder), *Path(folder).parents)):
        return "", False
    commit = _ask_git(folder, "rev-parse", "HEAD")
    if commit is None:
        return "", False
    return commit, bool(_ask_git(folder, "status", "--porcelain", "-uno"))


def _ask_git(folder: str, *words: str) -> str | None:
    """What git says, or None when it fails; it takes no locks of its own."""
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            timeout=_GIT_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return None if done.returncode else done.stdout.strip()
