"""What writes a trace in the format of another program: a function of a plugin, whose errors are told as the plugin's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import getattr_static
from typing import BinaryIO, Final

from simcore.api import ExporterMark
from simcore.engine.plugin_state import Draft
from simcore.errors import PluginError, SimcoreError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Exporter:
    """A format: `name` stands behind `--to`, `suffix` ends its files' names. `plugin` and `where` say whose it is."""

    name: str
    suffix: str
    title: str
    plugin: str
    where: str
    function: Callable[..., object]

    def write(self, part: object, file: BinaryIO) -> None:
        """Write a part of a trace into the file. Raises: PluginError for whatever goes wrong in the function, but for errors that
        simcore raises on purpose, and OSError, which is most likely the file's."""
        passed: SimcoreError | OSError | None = None
        draft = Draft(self.plugin, "", "", where=self.where)
        with draft.guarded(f"failed in its exporter {self.name}"):
            try:
                self.function(part, file)
            except (SimcoreError, OSError) as error:
                passed = error
        if passed is not None:
            raise passed
        if draft.problems:
            raise PluginError(draft.problems[0], "SIMCORE_TRACEBACK=1 shows the traceback") from RuntimeError(draft.details[0])


def read_exporter(function: object, *, plugin: str, where: str) -> Exporter:
    """The exporter that a marked function is. Raises: ValueError with what is wrong, in words that follow its name."""
    mark = getattr_static(function, "simcore_exporter", None)
    if not isinstance(mark, ExporterMark) or not callable(function):
        raise ValueError("is not marked with @exporter")
    if not isinstance(mark.name, str) or not _NAME.fullmatch(mark.name):
        raise ValueError(f"has the name {mark.name!r}, expected small letters, digits and -")
    if not isinstance(mark.suffix, str) or not _SUFFIX.fullmatch(mark.suffix):
        raise ValueError(f"has the suffix {mark.suffix!r}, expected one like '.csv'")
    return Exporter(mark.name, mark.suffix, str(mark.title), plugin, where, function)
