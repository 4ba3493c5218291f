"""A pattern as the engine sees it: what `@pattern` said, what the docstring teaches, what the signature takes."""

import inspect
import multiprocessing
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Final

from simcore.api import PatternMark
from simcore.engine.parameters import Parameter, Plain, choose, read_parameters
from simcore.errors import PluginError
from simcore.runtime.bind import innermost
from simcore.trace.events import Outcome

GRANULARITIES: Final = ("sync", "access")
START_METHODS: Final = ("fork", "spawn", "forkserver")
OUTCOMES: Final = frozenset(outcome.word for outcome in Outcome)

_NAME: Final = re.compile(r"\w[\w-]*", re.ASCII)
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s+[^a-z\s]|\s*$)")


class NotAPattern(Exception):
    """What stands in the way of a marked function being a pattern; `line` where that is, or 0."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason, line)
        self.reason, self.line = reason, line


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a plugin contributes: a function of ordinary Python with parameters.

    `qualname` is what `simcore.runtime.bind.find` finds in `module`, or, when `plugin_file` is not empty, in that single file.
    `expect` are the outcomes with default parameters; ask `expected(values)` for others. `title`, `title_ja` and `summary` are
    one line, `lesson` may be several paragraphs. `start_methods` is empty where the pattern says nothing of processes.
    """

    name: str
    function: Callable[..., object]
    qualname: str
    module: str
    file: str
    line: int
    plugin: str
    plugin_version: str
    section: str
    title: str
    summary: str
    lesson: str
    parameters: tuple[Parameter, ...]
    expect: frozenset[str]
    granularity: str
    plugin_file: str
    mark: PatternMark
    title_ja: str = ""
    start_methods: tuple[str, ...] = ()

    def choose(self, given: Mapping[str, object]) -> dict[str, Plain]:
        """Every parameter's plain value, from what was given and the defaults. Raises: BadParameter."""
        return choose(self.name, self.parameters, given)

    def expected(self, values: Mapping[str, Plain], start_method: str | None = None) -> frozenset[str]:
        """The outcomes that a run with these plain values may have, under that start method or Python's default.

        Raises: PluginError when the pattern's own `expect` fails.
        """
        try:
            return _expected(self.mark, values, self.parameters, start_method)
        except NotAPattern as error:
            where = f"plugin {self.plugin!r} ({self.file}:{error.line or self.line})"
            raise PluginError(f"{where}: pattern {self.name!r} {error.reason}") from error


def read_pattern(
    function: object, mark: PatternMark, *, qualname: str, module: str, plugin: str, plugin_version: str, plugin_file: str
) -> Pattern:
    """The pattern that a marked function is. Raises: NotAPattern with the first thing that stands in its way."""
    code = innermost(function)
    if inspect.isclass(function) or not isinstance(code, FunctionType) or not callable(function):
        raise NotAPattern(f"is {_article(type(function).__name__)}; expected a function")
    line = definition_line(code)
    if not isinstance(mark.name, str) or not _NAME.fullmatch(mark.name):
        raise NotAPattern(
            f"has the name {mark.name!r}; expected letters, digits, '-' and '_', as in @pattern(name=\"ring-4\")", line
        )
    if inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code):
        raise NotAPattern("is async; asyncio tasks are not actors, call asyncio.run inside an ordinary function", line)
    if inspect.isgeneratorfunction(code):
        raise NotAPattern("is a generator: calling it runs nothing; expected an ordinary function", line)
    for field in ("section", "title", "title_ja"):
        if not isinstance(getattr(mark, field), str):
            raise NotAPattern(f"has the {field} {getattr(mark, field)!r}; expected a text", line)
    if mark.granularity not in GRANULARITIES:
        raise NotAPattern(f"has the granularity {mark.granularity!r}; expected {' or '.join(GRANULARITIES)}", line)
    unknown = [method for method in mark.start_methods if method not in START_METHODS]
    if unknown:
        raise NotAPattern(f"has the start method {unknown[0]!r}; expected {', '.join(START_METHODS)}", line)
    parameters, problems = read_parameters(function)
    if problems:
        raise NotAPattern("; ".join(problems), line)
    summary, lesson = _teaching(function if not isinstance(function, partial) else code)
    return Pattern(
        name=mark.name,
        function=function,
        qualname=qualname,
        module=module,
        file=code.__code__.co_filename,
        line=line,
        plugin=plugin,
        plugin_version=plugin_version,
        section=mark.section,
        title=" ".join(mark.title.split()) or summary.rstrip(".") or mark.name.replace("-", " "),
        summary=summary,
        lesson=lesson,
        parameters=parameters,
        expect=_expected(mark, {parameter.name: parameter.default for parameter in parameters}, parameters),
        granularity=mark.granularity,
        plugin_file=plugin_file,
        mark=mark,
        title_ja=" ".join(mark.title_ja.split()),
        start_methods=tuple(mark.start_methods),
    )


def definition_line(function: object) -> int:
    """The line of a function's `def`: the code object's first line is its first decorator's."""
    code = getattr(innermost(function), "__code__", None)
    if code is None:
        return 0
    try:
        lines, first = inspect.findsource(code)
    except (OSError, TypeError, IndexError):
        return int(code.co_firstlineno)
    definition = re.compile(rf"\s*(?:async\s+)?def\s+{re.escape(code.co_name)}\b")
    return next((number + 1 for number in range(first, len(lines)) if definition.match(lines[number])), int(code.co_firstlineno))


def _expected(
    mark: PatternMark, values: Mapping[str, Plain], parameters: Iterable[Parameter], start_method: str | None = None
) -> frozenset[str]:
    outcomes: Iterable[str] = ()
    line = 0
    if callable(mark.expect):
        line = definition_line(mark.expect)
        defaults = {parameter.name: parameter.default for parameter in parameters}
        try:
            wanted = inspect.signature(mark.expect).parameters
            if "start_method" in wanted and "start_method" not in defaults:
                defaults["start_method"] = start_method or multiprocessing.get_all_start_methods()[0]
            strangers = [name for name in wanted if name not in defaults]
            if strangers:
                raise NotAPattern(f"has an expect of {', '.join(strangers)}, which are no parameters of it", line)
            found = mark.expect(**{name: values.get(name, defaults[name]) for name in wanted})
            outcomes = frozenset([found] if isinstance(found, str) else found)
        except NotAPattern:
            raise
        except Exception as error:
            raise NotAPattern(f"has an expect that fails: {type(error).__name__}: {error}", line) from error
    else:
        outcomes = mark.expect
    strange = sorted(str(outcome) for outcome in outcomes if outcome not in OUTCOMES)
    if strange or not outcomes:
        raise NotAPattern(f"expects {', '.join(strange) or 'nothing'}; expected some of {', '.join(sorted(OUTCOMES))}", line)
    return frozenset(outcomes)


def _teaching(function: object) -> tuple[str, str]:
    """The docstring's first sentence on one line, and the rest with its paragraphs."""
    text = inspect.getdoc(function) or ""
    first, _, rest = text.partition("\n\n")
    end = _SENTENCE_END.search(first)
    if end:
        rest = first[end.end() :].strip() + "\n\n" + rest
        first = first[: end.end()]
    return " ".join(first.split()), rest.strip()


def _article(word: str) -> str:
    return ("an " if word[:1].lower() in "aeiou" else "a ") + word
