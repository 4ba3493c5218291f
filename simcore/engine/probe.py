"""What a plugin asks in each child process of a program whose start methods are compared: a function by its names."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from inspect import getattr_static
from typing import Final

from simcore.api import ProbeMark
from simcore.runtime import bind

SEVERITIES: Final = ("silent", "random", "hazard", "cost", "info")


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe as it is handed to the program: `file` is empty unless its plugin is a single file."""

    title: str
    severity: str
    means: str
    fix: str
    module: str
    file: str
    qualname: str

    def facts(self) -> dict[str, object]:
        """The same as a dictionary of texts."""
        return asdict(self)


def read_probe(function: object, *, file: str) -> Probe:
    """The probe that a marked function is. Raises: ValueError with what is wrong, in words that follow its name."""
    mark = getattr_static(function, "simcore_probe", None)
    if not isinstance(mark, ProbeMark):
        raise ValueError("is not marked with @probe")
    if mark.severity not in SEVERITIES:
        raise ValueError(f"has severity {mark.severity!r}, expected {', '.join(SEVERITIES)}")
    module, qualname = str(getattr(function, "__module__", "")), str(getattr(function, "__qualname__", ""))
    try:
        found = bind.find(sys.modules.get(module), qualname)
    except LookupError:
        found = None
    if found is not function:
        raise ValueError("is not at the top level of its module")
    return Probe(str(mark.title), mark.severity, str(mark.means), str(mark.fix), module, file, qualname)
