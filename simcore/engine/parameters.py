"""The parameters of a pattern: read from its signature, set with `-p name=value` or from Python, kept as plain values.

Plain values are what msgpack and JSON carry: an Enum member is kept by its name, a tuple as a list. `simcore.runtime.bind` turns
them back inside the recorded program.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, EnumMeta
from types import NoneType
from typing import Annotated, Final, Literal, TypeAlias, get_args, get_origin

from simcore.errors import BadParameter
from simcore.runtime.bind import UNIONS, evaluated, is_same, plain

Plain: TypeAlias = "bool | int | float | str | list[Plain] | None"

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})
_BASES: Final[dict[object, str]] = {int: "int", float: "float", bool: "bool", str: "str"}
_ARTICLES: Final = {"int": "an int", "float": "a float", "bool": "true or false", "str": "a text"}
_KNOWN: Final = "int, float, bool, str, Enum, Literal, a list of one of these, or one of these or None"


class UnknownType(Exception):
    """An annotation that no parameter can have."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a parameter takes: `base` is `int`, `float`, `bool`, `str` or `choice`; `choices` are the plain values of a choice."""

    base: str
    choices: tuple[Plain, ...] = ()
    many: bool = False
    optional: bool = False

    def __str__(self) -> str:
        one = "|".join(map(spelled, self.choices)) or self.base
        return ("list of " if self.many else "") + one + (" or none" if self.optional else "")

    def take(self, value: object) -> Plain:
        """The plain value for what a caller gave; a string is read as on the command line.

        Raises: ValueError whose text is what it takes, and what it was given.
        """
        if self.optional and (value is None or (isinstance(value, str) and value.casefold() == "none")):
            return None
        if not self.many:
            return self._one(value)
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")] if value.strip() else []
        if isinstance(value, (list, tuple)):
            return [self._one(item) for item in value]
        raise ValueError(f"values with commas between them, not {_short(value)}")

    def _one(self, value: object) -> Plain:
        for choice in self.choices:
            if is_same(choice, plain(value)) or (isinstance(value, str) and value == spelled(choice)):
                return choice
        if not self.choices:
            read = _READERS[self.base](value)
            if read is not None:
                return read
        raise ValueError(f"{' or '.join(map(spelled, self.choices)) or _ARTICLES[self.base]}, not {_short(value)}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a pattern. `default` is plain; `str(shape)` is how its type is shown."""

    name: str
    shape: Shape
    default: Plain

    @property
    def type(self) -> str:
        """Its type in words: `int`, `while|if`, `list of int`, `float or none`."""
        return str(self.shape)

    @property
    def choices(self) -> tuple[Plain, ...]:
        """The values of an Enum or Literal, else empty."""
        return self.shape.choices

    def __str__(self) -> str:
        return f"{self.name} ({self.type}, {spelled(self.default)})"


def spelled(value: object) -> str:
    """A plain value as it is written after `-p name=`; an empty text is shown as ''."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(spelled, value)) or "''"
    return str(value) if value != "" else "''"


def read_parameters(function: Callable[..., object]) -> tuple[tuple[Parameter, ...], tuple[str, ...]]:
    """The parameters in a function's signature, and one sentence for each that cannot be one."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        return (), (f"has no signature to read: {error}",)
    found: list[Parameter] = []
    problems: list[str] = []
    for name, given in signature.parameters.items():
        if given.kind in (given.VAR_POSITIONAL, given.VAR_KEYWORD):
            stars = "*" if given.kind is given.VAR_POSITIONAL else "**"
            problems.append(f"parameter '{stars}{name}' has no name to give it by")
        elif given.kind is given.POSITIONAL_ONLY:
            problems.append(f"parameter {name!r} is positional-only, and parameters are given by name")
        elif given.default is given.empty:
            problems.append(f"parameter {name!r} has no default")
        else:
            try:
                shape = _shape_of_default(given.default) if given.annotation is given.empty else None
                shape = shape or _shape(evaluated(given.annotation, function))
                found.append(Parameter(name, shape, shape.take(_not_text(given.default, shape))))
            except UnknownType as error:
                problems.append(f"parameter {name!r} is {error}; it can be {_KNOWN}")
            except ValueError as error:
                problems.append(f"the default of parameter {name!r} does not fit its type: it takes {error}")
            except Exception as error:  # evaluating an annotation's text runs the plugin's code
                problems.append(f"the type of parameter {name!r} cannot be read: {type(error).__name__}: {error}")
    return tuple(found), tuple(problems)


def split_assignments(words: Iterable[str]) -> dict[str, str]:
    """`["workers=4"]` of `-p workers=4` as a mapping. Raises: BadParameter for a word without `=` and for a name given twice."""
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.strip()
        if not equals or not name:
            raise BadParameter(f"-p {word} is no assignment; expected -p name=value", f"write -p {name or 'name'}=VALUE")
        if name in given:
            raise BadParameter(f"parameter {name!r} is given twice: {given[name]} and {value}", "give it once")
        given[name] = value
    return given


def choose(pattern: str, parameters: Sequence[Parameter], given: Mapping[str, object]) -> dict[str, Plain]:
    """Every parameter's plain value: what was given, else its default, in the order of the signature.

    `pattern` is the name used in errors. Strings are read as on the command line. Raises: BadParameter.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name, value in given.items():
        if name not in known:
            has = ", ".join(map(str, parameters)) or "none"
            raise BadParameter(f"{pattern} has no parameter {name!r}; it has {has}", _did_you_mean(name, value, known))
    chosen: dict[str, Plain] = {}
    for parameter in parameters:
        chosen[parameter.name] = parameter.default
        if parameter.name in given:
            try:
                chosen[parameter.name] = parameter.shape.take(given[parameter.name])
            except ValueError as error:
                hint = f"the default is -p {parameter.name}={spelled(parameter.default)}"
                raise BadParameter(f"{pattern}: parameter {parameter.name!r} takes {error}", hint) from None
    return chosen


def _did_you_mean(name: str, value: object, known: Mapping[str, Parameter]) -> str:
    near = get_close_matches(name.replace("-", "_").lower(), known, n=1)
    return f"did you mean -p {near[0]}={spelled(plain(value))} ?" if near else ""


def _shape(annotation: object) -> Shape:
    """What an annotation allows. Raises: UnknownType."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _BASES:
        return Shape(_BASES[annotation])
    if isinstance(annotation, EnumMeta):
        members: Mapping[str, Enum] = annotation.__members__
        return _choice([name for name, member in members.items() if name == member.name], annotation)
    if origin is Annotated:
        return _shape(arguments[0])
    if origin is Literal:
        values = [plain(value) for value in arguments if value is not None]
        shape = _choice(values, annotation)
        return Shape(shape.base, shape.choices, optional=None in arguments)
    if origin in UNIONS:
        others = [argument for argument in arguments if argument is not NoneType]
        if len(others) == 1:
            inner = _shape(others[0])
            return Shape(inner.base, inner.choices, inner.many, optional=True)
    elif origin is list or origin is Sequence or (origin is tuple and arguments[1:] == (...,)):
        inner = _shape(arguments[0])
        if not inner.many and not inner.optional:
            return Shape(inner.base, inner.choices, many=True)
    raise UnknownType(f"of type {_type_name(annotation)}")


def _choice(values: Sequence[object], annotation: object) -> Shape:
    words = [spelled(value) for value in values]
    if not values or len(set(words)) < len(words) or not all(isinstance(value, (int, str)) for value in values):
        raise UnknownType(f"of type {_type_name(annotation)}, whose choices cannot be told apart as words")
    return Shape("choice", tuple(value for value in values if isinstance(value, (int, str))))


def _shape_of_default(default: object) -> Shape:
    """What an unannotated parameter takes: more of the kind of its default. Raises: UnknownType."""
    if isinstance(default, Enum):
        return _shape(type(default))
    if isinstance(default, (list, tuple)) and default and len({type(item) for item in default}) == 1:
        inner = _shape_of_default(default[0])
        if inner.base != "choice" and not inner.many:
            return Shape(inner.base, many=True)
    if type(default) in _BASES:
        return Shape(_BASES[type(default)])
    raise UnknownType(f"without a type, and its default is {_short(default)}")


def _not_text(default: object, shape: Shape) -> object:
    """A default goes through `take`, where a string would be read: only where a text is meant may it be one."""
    wants_text = shape.base in ("str", "choice") and not shape.many
    if isinstance(default, str) and not isinstance(default, Enum) and not wants_text:
        raise ValueError(f"{shape}, not the text {_short(default)}")
    return default


def _read_int(value: object) -> int | None:
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            return None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"an int of at most 64 bits, not {_short(value)}")
    return int(value)


def _read_float(value: object) -> float | None:
    try:
        read = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    return None if read is None or math.isnan(read) else read


def _read_bool(value: object) -> bool | None:
    if isinstance(value, str):
        word = value.casefold()
        return True if word in _TRUE else False if word in _FALSE else None
    return value if isinstance(value, bool) else None


def _read_str(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"text that UTF-8 can carry, not {_short(value)}") from None
    return str.__str__(value)


_READERS: Final[dict[str, Callable[[object], Plain]]] = {
    "int": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "str": _read_str,
}


def _short(value: object) -> str:
    """A value in an error: short, whatever it is, and on one line."""
    try:
        text = repr(value)
    except BaseException:  # a default may be any object; a huge int has no text at all
        text = f"a {type(value).__name__}"
    return text if len(text) <= 40 else text[:37] + "..."


def _type_name(annotation: object) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) and not get_args(annotation) else _short(annotation)
