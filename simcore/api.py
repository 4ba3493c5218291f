"""All that a plugin may import: `pattern`, `probe`, `exporter`, `observer`, `bug_kind` mark functions, `hookimpl` marks hooks.

This module is imported inside the recorded program together with the pattern, so it imports nothing but `sys`: no pluggy,
no inspect, not even typing.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn, TypeVar, overload

    _F = TypeVar("_F", bound=Callable[..., object])

__all__ = [
    "BugKindMark",
    "ExporterMark",
    "ObserverMark",
    "PatternMark",
    "ProbeMark",
    "bug_kind",
    "exporter",
    "hookimpl",
    "observer",
    "pattern",
    "probe",
]


class PatternMark:
    """What `@pattern` says about a function; it lies on the function as `simcore_pattern` and is frozen.

    `expect` is a frozenset of outcomes, or a function that returns one for the parameters it names. `module` is the module whose
    code called `pattern`. Nothing is checked here: the plugin host does, and names the file and line.
    """

    __slots__ = ("expect", "granularity", "module", "name", "section", "start_methods", "title", "title_ja")

    name: str
    section: str
    title: str
    expect: "frozenset[str] | Callable[..., Iterable[str]]"
    granularity: str
    module: str
    start_methods: "tuple[str, ...]"
    title_ja: str

    def __init__(
        self,
        name: str,
        section: str,
        title: str,
        expect: "frozenset[str] | Callable[..., Iterable[str]]",
        granularity: str,
        module: str,
        start_methods: "tuple[str, ...]",
        title_ja: str,
    ) -> None:
        values = (expect, granularity, module, name, section, start_methods, title, title_ja)
        for slot, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, slot, value)

    def __setattr__(self, name: str, value: object) -> "NoReturn":
        raise AttributeError(f"a PatternMark is frozen: {name} cannot be set")

    def __delattr__(self, name: str) -> "NoReturn":
        raise AttributeError(f"a PatternMark is frozen: {name} cannot be deleted")

    def __repr__(self) -> str:
        return f"PatternMark({self.name!r}, section={self.section!r}, title={self.title!r})"


if TYPE_CHECKING:

    @overload
    def pattern(function: _F, /) -> _F: ...
    @overload
    def pattern(
        *,
        section: str = "other",
        title: str = "",
        title_ja: str = "",
        expect: Iterable[str] | Callable[..., Iterable[str]] = frozenset({"ok"}),
        granularity: str = "sync",
        start_methods: Iterable[str] = (),
        name: str | None = None,
    ) -> Callable[[_F], _F]: ...


def pattern(
    function: "_F | None" = None,
    /,
    *,
    section: str = "other",
    title: str = "",
    title_ja: str = "",
    expect: "Iterable[str] | Callable[..., Iterable[str]]" = frozenset({"ok"}),
    granularity: str = "sync",
    start_methods: "Iterable[str]" = (),
    name: "str | None" = None,
) -> "_F | Callable[[_F], _F]":
    """Mark a function as a pattern; it stays the ordinary function it was.

    `section` groups patterns in `simcore list`; `title` is the line shown there (default: the docstring's first sentence),
    `title_ja` the same in Japanese, which `simcore info` shows beside it.
    `expect` holds the outcomes that a run may have (`ok`, `failed`, `deadlock`, `stalled`, `timeout`, `killed`); where they
    depend on parameters it is a function of those: `lambda fixed: {"ok"} if fixed else {"deadlock"}`, and may name the run's
    `start_method` among them. `granularity` is `sync` or `access`. `start_methods` are those of `multiprocessing` that the
    pattern is for (`fork`, `spawn`, `forkserver`); a pattern without processes has none. `name` defaults to the function's name
    in kebab-case. Raises: TypeError when what is marked can carry no mark.
    """
    module = sys._getframe(1).f_globals.get("__name__", "")

    def mark(function: "_F") -> "_F":
        own_name = name or getattr(function, "__name__", "").strip("_").replace("_", "-").lower()
        outcomes = expect if callable(expect) else frozenset([expect] if isinstance(expect, str) else expect)
        methods = (start_methods,) if isinstance(start_methods, str) else tuple(start_methods)
        try:
            function.simcore_pattern = PatternMark(  # type: ignore[attr-defined]
                own_name, section, title, outcomes, granularity, module, methods, title_ja
            )
        except AttributeError:
            raise TypeError(f"@pattern marks a function; {function!r} can carry no mark") from None
        return function

    return mark if function is None else mark(function)


if TYPE_CHECKING:

    @overload
    def hookimpl(function: _F, /) -> _F: ...
    @overload
    def hookimpl(*, specname: str | None = None, optionalhook: bool = False) -> Callable[[_F], _F]: ...


def hookimpl(
    function: "_F | None" = None, /, *, specname: "str | None" = None, optionalhook: bool = False
) -> "_F | Callable[[_F], _F]":
    """Mark a function as the implementation of the hook of its name (docs/hooks.md lists them).

    `specname` names the hook when the function is called otherwise; `optionalhook` allows a hook that this simcore does not
    have. The mark is the one that `pluggy.HookimplMarker("simcore")` sets, so either may be used.
    """

    def mark(function: "_F") -> "_F":
        function.simcore_impl = {  # type: ignore[attr-defined]
            "wrapper": False,
            "hookwrapper": False,
            "optionalhook": optionalhook,
            "tryfirst": False,
            "trylast": False,
            "specname": specname,
        }
        return function

    return mark if function is None else mark(function)


class ProbeMark:
    """What `probe` says about a function; it lies on the function as `simcore_probe`. The plugin host checks it."""

    __slots__ = ("fix", "means", "severity", "title")

    def __init__(self, title: str, severity: str, means: str, fix: str) -> None:
        self.title, self.severity, self.means, self.fix = title, severity, means, fix


def probe(*, title: str, severity: str = "info", means: str = "", fix: str = "") -> "Callable[[_F], _F]":
    """Mark a function that `simcore compare` calls at the first line of each child process.

    It takes nothing and returns None, a bool, a number or a short text; of anything else only the type leaves the program, of a
    long text and of what stands in the environment a digest. Where start methods give different answers a verdict of this
    `severity` (`silent`, `random`, `hazard`, `cost` or `info`) says `title`, what it `means` and the `fix`.
    """

    def mark(function: "_F") -> "_F":
        function.simcore_probe = ProbeMark(title, severity, means, fix)  # type: ignore[attr-defined]
        return function

    return mark


class ExporterMark:
    """What `exporter` says about a function; it lies on the function as `simcore_exporter`. The plugin host checks it."""

    __slots__ = ("name", "suffix", "title")

    def __init__(self, name: str, suffix: str, title: str) -> None:
        self.name, self.suffix, self.title = name, suffix, title


def exporter(*, suffix: str, title: str = "", name: "str | None" = None) -> "Callable[[_F], _F]":
    """Mark a function that `simcore export --to NAME` calls to write a trace in another format.

    It takes the part of the trace to be written (docs/export.md says what it offers) and a binary file that is open for writing
    and need not be seekable. `name` is what stands behind `--to`, by default the function's name in kebab-case; `suffix` ends the
    names of its files, as in `.csv`; `title` is one line about the format.
    """

    def mark(function: "_F") -> "_F":
        own_name = name or getattr(function, "__name__", "").strip("_").replace("_", "-").lower()
        function.simcore_exporter = ExporterMark(own_name, suffix, title)  # type: ignore[attr-defined]
        return function

    return mark


class ObserverMark:
    """What `observer` says about a function; it lies on the function as `simcore_observer`. The plugin host checks it."""

    __slots__ = ("title",)

    def __init__(self, title: str) -> None:
        self.title = title


def observer(*, title: str = "") -> "Callable[[_F], _F]":
    """Mark a function that is told of each run that `simcore record` or `simcore replay` has finished.

    It takes the run: `run.verb` is `record` or `replay`, `run.trace` the trace of this run, complete and saved where it is to be
    (docs/hooks.md says more). It runs in simcore's own process, after the program. `title` is one line about it.
    """

    def mark(function: "_F") -> "_F":
        function.simcore_observer = ObserverMark(title)  # type: ignore[attr-defined]
        return function

    return mark


class BugKindMark:
    """What `bug_kind` says about a function; it lies on the function as `simcore_bug_kind`. The plugin host checks it."""

    __slots__ = ("about", "fix", "means", "name", "title")

    def __init__(self, name: str, title: str, means: str, fix: str, about: str) -> None:
        self.name, self.title, self.means, self.fix, self.about = name, title, means, fix, about


def bug_kind(
    *, title: str = "", means: str = "", fix: str = "", about: str = "", name: "str | None" = None
) -> "Callable[[_F], _F]":
    """Mark a function that `simcore races` asks whether two lines that race are a bug of some kind.

    It takes the evidence (docs/hooks.md says what it offers) and returns a truth value, or the text `struck` where it saw
    that the harm was done in this run. `name` is what the race is known as then, by default the function's with spaces; `title`
    the same with `{}` for the place; `means` a sentence about the kind; `fix` what to do where no lock is there that one side
    holds and the other does not. `about` says whose events are told: those of a read whose `value` is written again, of one
    that is the `choice` whether to write, or none.
    """

    def mark(function: "_F") -> "_F":
        own_name = name or getattr(function, "__name__", "").strip("_").replace("_", " ")
        function.simcore_bug_kind = BugKindMark(own_name, title, means, fix, about)  # type: ignore[attr-defined]
        return function

    return mark
