"""One plugin: what it is while it loads, what is wrong with it and where, and what became of it."""

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import getattr_static
from types import FrameType, FunctionType, ModuleType
from typing import Final, Literal

import pluggy

from simcore import hookspecs
from simcore.api import PatternMark
from simcore.engine.pattern import Pattern, definition_line
from simcore.runtime import bind

_HERE: Final = os.path.dirname(__file__)
_PLUMBING: Final = (_HERE, bind.__file__, "<frozen importlib")


@dataclass(frozen=True, slots=True)
class PluginState:
    """One plugin and what became of it.

    `origin` is its distribution and version, or its file; `file` is empty unless it was loaded as a single file. `state` is `ok`,
    `warning` (something of it does not work) or `broken` (nothing does). `problems` are one line each with file and line;
    `details` has for each a traceback, or an empty text. `probes` are titles, `exporters`, `observers` and `bug_kinds` names.
    """

    name: str
    version: str
    origin: str
    file: str
    state: Literal["ok", "warning", "broken"]
    problems: tuple[str, ...]
    details: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    probes: tuple[str, ...]
    exporters: tuple[str, ...] = ()
    observers: tuple[str, ...] = ()
    bug_kinds: tuple[str, ...] = ()


class Draft:
    """A plugin while it is being loaded."""

    def __init__(self, name: str, version: str, origin: str, *, where: str, file: str = "") -> None:
        self.name, self.version, self.origin, self.where, self.file = name, version, origin, where, file
        self.plugin: object = None
        self.module: ModuleType | None = None
        self.prefix = ""
        self.hooked = False
        self.problems: list[str] = []
        self.details: list[str] = []
        self.patterns: list[Pattern] = []
        self.probes: list[str] = []
        self.exporters: list[str] = []
        self.observers: list[str] = []
        self.bug_kinds: list[str] = []

    def state(self) -> PluginState:
        works = bool(self.patterns or self.probes or self.exporters or self.observers or self.bug_kinds) or self.hooked
        return PluginState(
            self.name,
            self.version,
            self.origin,
            self.file,
            "ok" if not self.problems else "warning" if works else "broken",
            tuple(self.problems),
            tuple(self.details),
            tuple(self.patterns),
            tuple(self.probes),
            tuple(self.exporters),
            tuple(self.observers),
            tuple(self.bug_kinds),
        )

    def problem(self, text: str, file: str = "", line: int = 0, detail: str = "") -> None:
        """Note what is wrong, in one line, with the place in the plugin's source."""
        place = shown(file or self.where) + (f":{line}" if line else "")
        self.problems.append(" ".join(f"plugin {self.name!r} ({place}) {text}".split()))
        self.details.append(detail)

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Turn whatever the plugin's code raises into a problem of the plugin; only the user's own interruption passes."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin that calls sys.exit costs itself only
            file, line = self._place_of(error)
            detail = _traceback(error)  # first: the error's own __str__ may change its traceback
            self.problem(f"{what}: {_described(error)}", file, line, detail)

    def _place_of(self, error: BaseException) -> tuple[str, int]:
        """The last line of the plugin's own on the way to the error, else the place a SyntaxError names, else its file."""
        if isinstance(error, SyntaxError) and error.filename:
            return error.filename, error.lineno or 0
        own = os.path.dirname(self.where) if os.path.basename(self.where) == "__init__.py" else self.where
        frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        for file, line in reversed(frames):
            if file == own or file.startswith(own + os.sep):
                return file, line
        for file, line in reversed(frames):
            if not file.startswith(_PLUMBING):
                return file, line
        return self.where, 0

    def dotted(self, attribute: str) -> str:
        return f"{self.prefix}.{attribute}" if self.prefix else attribute

    def decorated(self) -> Iterator[tuple[str, object, PatternMark]]:
        """The marked functions of the plugin with the names to find them by, each once, those it merely imported left aside."""
        mark = mark_of(self.plugin)
        if mark is not None:
            yield self.prefix, self.plugin, mark
        elif isinstance(self.plugin, ModuleType):
            seen: set[int] = set()
            for name, value in list(vars(self.plugin).items()):
                mark = mark_of(value)
                if mark is None or id(value) in seen:
                    continue
                seen.add(id(value))
                if self._is_own(mark.module) or self._is_own(getattr_static(value, "__module__", "")):
                    yield name, value, mark

    def _is_own(self, module: object) -> bool:
        name = getattr(self.plugin, "__name__", "")
        return module == name or (hasattr(self.plugin, "__path__") and str(module).startswith(f"{name}."))

    def hooks(self, manager: pluggy.PluginManager) -> Iterator[tuple[str, str, Callable[..., object], dict[str, object]]]:
        """The marked implementations: attribute, hook, function, options. Notes a function named as a hook without a mark."""
        own = vars(self.plugin) if type(self.plugin) is ModuleType else {}
        for attribute in dir(self.plugin):
            static = own[attribute] if attribute in own else getattr_static(self.plugin, attribute, None)
            if isinstance(static, (staticmethod, classmethod)):
                static = static.__func__
            if not isinstance(static, FunctionType):
                continue
            options = manager.parse_hookimpl_opts(self.plugin, attribute)
            function: Callable[..., object] = getattr(self.plugin, attribute)
            if options is not None:
                yield attribute, str(options.get("specname") or attribute), function, dict(options)
            elif attribute.startswith(hookspecs.PREFIX) and mark_of(function) is None and self._is_defined_here(static):
                place = (file_of(function) or self.where, definition_line(function))
                self.problem(f"{attribute} is named as a hook but not marked with @hookimpl: it is never called", *place)

    def _is_defined_here(self, function: FunctionType) -> bool:
        return not isinstance(self.plugin, ModuleType) or self._is_own(function.__module__)


def mark_of(value: object) -> PatternMark | None:
    # Static: a lazy module or a proxy must not come alive by being looked at.
    is_plain = type(value) is FunctionType
    mark = vars(value).get("simcore_pattern") if is_plain else getattr_static(value, "simcore_pattern", None)
    return mark if isinstance(mark, PatternMark) else None


def file_of(function: object) -> str:
    code = getattr(bind.innermost(function), "__code__", None)
    return str(code.co_filename) if code is not None else ""


def shown(file: str) -> str:
    """A path as a person would type it: relative to the working directory where it lies below it."""
    try:
        below = os.path.relpath(file) if os.path.isabs(file) else file
    except (OSError, ValueError):  # another drive; no working directory
        return file
    return file if below.startswith("..") else below


def _described(error: BaseException) -> str:
    try:
        text = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    except BaseException:  # an exception's own __str__ may fail, in any way
        text = ""
    name = type(error).__name__
    return f"{name}: {text[:300]}" if text else name


def _traceback(error: BaseException) -> str:
    frames = error.__traceback__
    while frames is not None and _is_plumbing(frames.tb_frame):
        frames = frames.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except BaseException:
        return f"{type(error).__name__}, whose text cannot be had"


def _is_plumbing(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_PLUMBING) or "importlib" in frame.f_code.co_filename


def short(value: object) -> str:
    try:
        text = " ".join(repr(value).split())
    except BaseException:  # the value's own __repr__ is the plugin's code
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
