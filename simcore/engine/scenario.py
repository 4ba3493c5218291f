"""What to run: one grammar for patterns, files, functions and commands, and the command line that each comes to."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from simcore.engine.plugins import PluginHost
from simcore.errors import NotReplayable, UnknownPattern, UsageError
from simcore.trace.model import Scenario
from simcore.trace.text import join

HASH_SEED = 0
"""PYTHONHASHSEED of every recorded run, so that sets of strings iterate alike in all of them; the environment's goes first."""


def _can_be_found(package: str) -> bool:
    """Whether an import would find this top-level module from here. Nothing is executed for that."""
    sys.path.insert(0, os.getcwd())
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return True  # what is wrong with it, its import says best
    finally:
        sys.path.pop(0)


def resolve(
    target: str | Sequence[str],
    *,
    params: Mapping[str, object] | None = None,
    argv: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    host: PluginHost | None = None,
    start_method: str | None = None,
) -> Scenario:
    """The scenario for `PATTERN | FILE.py | module:function` (a str), or for a command (a sequence of words).

    Raises: UsageError, UnknownPattern, BadParameter.
    """
    common = {"cwd": str(Path.cwd()), "hash_seed": _hash_seed()}
    if not isinstance(target, str):
        words = tuple(target)
        if not words:
            raise UsageError("there is no command behind --", "write it as: simcore record -- python app.py")
        _no_parameters(params, "a command")
        return Scenario(target="command", name=words[0], argv=words, **common)  # type: ignore[arg-type]
    if target.endswith(".py") or os.sep in target:
        if not Path(target).is_file():
            raise UsageError(f"there is no file {target}", "name a Python file, a pattern (simcore list), or -- COMMAND")
        _no_parameters(params, "a program")
        return Scenario(target="file", name=target, argv=tuple(argv), **common)  # type: ignore[arg-type]
    module, colon, function = target.partition(":")
    if colon:
        if not module or not function:
            raise UsageError(f"{target!r} is no module:function", "write it as: package.module:function")
        if not _can_be_found(module.partition(".")[0]):
            raise UsageError(
                f"there is no module {module}, here or installed", f"run it where `python -c 'import {module}'` works"
            )
        return Scenario(
            target="function",
            name=target,
            function=function,
            argv=tuple(argv),
            params={name: _plain(value) for name, value in (params or {}).items()},
            **common,  # type: ignore[arg-type]
        )
    if argv:
        raise UsageError(
            f"{target} takes no arguments, but {argv[0]!r} was given", "parameters of a pattern are set by -p NAME=VALUE"
        )
    host = host or PluginHost(plugins)
    try:
        pattern = host.find(target)
    except UnknownPattern:
        if Path(target).is_file():
            raise UsageError(
                f"{target} is no pattern; there is a file of that name", f"run it as: simcore record -- ./{target}"
            ) from None
        raise
    if start_method and pattern.start_methods and start_method not in pattern.start_methods:
        raise UsageError(
            f"{pattern.name} is for {join(list(pattern.start_methods))}, and was to be started under {start_method}",
            f"leave out --start-method, or write --start-method {pattern.start_methods[0]}",
        )
    values = pattern.choose(dict(params or {}))
    return Scenario(
        target="pattern",
        name=pattern.name,
        params=dict(values),
        expect=tuple(sorted(pattern.expected(values, start_method))),
        plugin=pattern.plugin,
        plugin_file=pattern.plugin_file,
        function=f"{pattern.module}:{pattern.qualname}",
        granularity=pattern.granularity,
        **common,  # type: ignore[arg-type]
    )


def _plain(value: object) -> object:
    """A parameter of a plain function, whose types nobody has looked at: what reads as JSON is that, all else a text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _no_parameters(params: Mapping[str, object] | None, what: str) -> None:
    if params:
        raise UsageError(f"{what} has no parameters, but -p {next(iter(params))} was given", "give it its own arguments instead")


def _hash_seed() -> int:
    value = os.environ.get("PYTHONHASHSEED", "")
    return int(value) if value.isdecimal() else HASH_SEED


def command_of(scenario: Scenario) -> list[str]:
    """The words that start this scenario."""
    if scenario.target == "command":
        return list(scenario.argv)
    python = our_python()
    if scenario.target == "file":
        return [python, scenario.name, *scenario.argv]
    if scenario.target == "function":
        python_path = [python, "-m", "simcore.runtime.pattern"]
        return [
            *python_path,
            "module",
            scenario.name.partition(":")[0],
            scenario.function,
            json.dumps(scenario.params),
            *scenario.argv,
        ]
    module, _, qualname = scenario.function.partition(":")
    where = ["file", scenario.plugin_file] if scenario.plugin_file else ["module", module]
    return [sys.executable, "-m", "simcore.runtime.pattern", *where, qualname, json.dumps(scenario.params)]


def moved(scenario: Scenario, folder: Path, python: str) -> Scenario:
    """The scenario of a program that lies in another folder now, where the `python` that ran it may not be: then ours does.

    Raises: UsageError for a pattern, which is found by its plugin.
    """
    if scenario.target == "pattern":
        raise UsageError(f"--folder was given, but {scenario.name!r} is a pattern", "name its file with --plugin")
    before = os.path.join(scenario.cwd, "")
    argv = [str(folder / word.removeprefix(before)) if word.startswith(before) else word for word in scenario.argv]
    if scenario.target == "command" and argv[0] == python and not Path(python).exists():
        argv[0] = our_python()
    return replace(scenario, cwd=str(folder), argv=tuple(argv))


def our_python() -> str:
    """The interpreter for the user's own files: that of the active virtual environment, else ours."""
    active = os.environ.get("VIRTUAL_ENV")
    if active and Path(active, "bin", "python").exists():
        return str(Path(active, "bin", "python"))
    return sys.executable


def check_replayable(scenario: Scenario) -> Path | None:
    """The folder of a pattern's file, for a pattern is where it is installed here; None for what is no pattern.

    Raises: NotReplayable when what was recorded is not there any more.
    """
    if scenario.target == "pattern":
        if not scenario.plugin_file:
            try:
                return Path(PluginHost(env=False).find(scenario.name).file).parent
            except UnknownPattern:
                raise NotReplayable(
                    f"pattern {scenario.name!r} of plugin {scenario.plugin!r} is not installed",
                    "install the plugin to replay; show and diff work without it",
                ) from None
        if not Path(scenario.plugin_file).is_file():
            raise NotReplayable(
                f"pattern {scenario.name!r} came from {scenario.plugin_file}, which does not exist",
                "put the file back to replay",
            )
        return Path(scenario.plugin_file).parent
    if not Path(scenario.cwd).is_dir():
        raise NotReplayable(
            f"it was recorded in {scenario.cwd}, which does not exist",
            "say where the program is now: --folder FOLDER; or record again",
        )
    if scenario.target == "file" and not Path(scenario.cwd, scenario.name).is_file():
        raise NotReplayable(f"the program {scenario.name} does not exist in {scenario.cwd}", "put the file back to replay")
    return None
