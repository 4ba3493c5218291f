"""What a trace in the trace folder is called after."""

from pathlib import Path
from typing import Final

from simcore.trace.model import Scenario

_TAKES_A_VALUE: Final = ("-X", "-W", "--check-hash-based-pycs")


def trace_name(scenario: Scenario) -> str:
    """`mutex` for a pattern, `app` for `app.py` and `python app.py`, `pytest` for `python -m pytest`, `go` for `module:go`."""
    if scenario.target == "pattern":
        return scenario.name
    if scenario.target == "function":
        return scenario.name.rpartition(":")[2]
    if scenario.target == "file":
        return Path(scenario.name).stem
    return _program(scenario.argv)


def _program(words: tuple[str, ...]) -> str:
    """The name of a command's program; for a Python that of what it runs."""
    command = Path(words[0]).name
    if not command.startswith(("python", "pypy")):
        return Path(command).stem
    rest = iter(words[1:])
    for word in rest:
        if word == "-c":
            break
        if word in _TAKES_A_VALUE:
            next(rest, None)
        elif word == "-m":
            return next(rest, command)
        elif not word.startswith("-"):
            return Path(word).stem
    return "python"
