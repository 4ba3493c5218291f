"""Parameters come from the signature, are set by words, travel as plain values and arrive with their types."""

import functools
import json
import math
from collections.abc import Callable, Sequence
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal, Optional

import msgpack
import pytest
from postponed_annotations import postponed

from simcore.engine.parameters import Parameter, choose, read_parameters, split_assignments
from simcore.errors import BadParameter
from simcore.runtime.bind import bind


class Colour(Enum):
    """Members whose values are no plain values."""

    RED = (lambda: 1,)
    BLUE = (lambda: 2,)


class Level(IntEnum):
    """An Enum that is an int as well."""

    LOW = 1
    HIGH = 2


class Word(StrEnum):
    """An Enum that is a text as well."""

    YES = "ja"


def every_type(
    workers: int = 3,
    pause_s: float = 0,
    loud: bool = False,
    label: str = "",
    colour: Colour = Colour.RED,
    level: Level = Level.LOW,
    style: Literal["while", "if", 2, None] = "while",
    sizes: list[int] = [1, 2],  # noqa: B006
    colours: tuple[Colour, ...] = (Colour.BLUE,),
    words: Sequence[str] = (),
    seats: int | None = None,
    name: Optional[str] = "x",  # noqa: UP045
    marked: Annotated[int, "a unit"] = 7,
    picked: list[Literal["a", "b"]] | None = None,
    *,
    unannotated=2.5,
    plain_list=(1, 2),
) -> None:
    """A function with a parameter of every type there is."""


def parameters_of(function: Callable[..., object]) -> tuple[Parameter, ...]:
    """The parameters of a function without a problem."""
    parameters, problems = read_parameters(function)
    assert not problems
    return parameters


def given(function: Callable[..., object], **values: object) -> dict[str, object]:
    """What the function is called with after the values went through words, msgpack, JSON and back."""
    chosen = choose("it", parameters_of(function), values)
    assert msgpack.unpackb(msgpack.packb(chosen)) == chosen
    return bind(function, json.loads(json.dumps(chosen)))


def test_every_type_is_read_with_its_default() -> None:
    """The list of parameters is what `simcore info` and errors show."""
    assert [str(parameter) for parameter in parameters_of(every_type)] == [
        "workers (int, 3)",
        "pause_s (float, 0.0)",
        "loud (bool, false)",
        "label (str, '')",
        "colour (RED|BLUE, RED)",
        "level (LOW|HIGH, LOW)",
        "style (while|if|2 or none, while)",
        "sizes (list of int, 1,2)",
        "colours (list of RED|BLUE, BLUE)",
        "words (list of str, '')",
        "seats (int or none, none)",
        "name (str or none, x)",
        "marked (int, 7)",
        "picked (list of a|b or none, none)",
        "unannotated (float, 2.5)",
        "plain_list (list of int, 1,2)",
    ]


def test_defaults_survive_the_way_through_plain_values() -> None:
    """Bound defaults equal the function's own, type for type."""
    own = {
        **dict(zip(every_type.__code__.co_varnames, every_type.__defaults__ or (), strict=False)),
        **(every_type.__kwdefaults__ or {}),
    }
    bound = given(every_type)
    assert bound == own
    assert {name: type(value) for name, value in bound.items() if name != "pause_s"} == {
        name: type(value) for name, value in own.items() if name != "pause_s"
    }


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("workers", "-4", -4),
        ("workers", " 5 ", 5),
        ("pause_s", "1e-3", 0.001),
        ("pause_s", "inf", math.inf),
        ("loud", "Yes", True),
        ("loud", "0", False),
        ("label", "none", "none"),
        ("label", "a=b,c", "a=b,c"),
        ("colour", "BLUE", Colour.BLUE),
        ("level", "HIGH", Level.HIGH),
        ("style", "if", "if"),
        ("style", "2", 2),
        ("style", "none", None),
        ("sizes", "", []),
        ("sizes", "3, 4,5", [3, 4, 5]),
        ("colours", "RED,BLUE", (Colour.RED, Colour.BLUE)),
        ("words", "a,b", ("a", "b")),
        ("seats", "4", 4),
        ("seats", "None", None),
        ("name", "", ""),
        ("picked", "a,a,b", ["a", "a", "b"]),
        ("plain_list", "9", (9,)),
    ],
)
def test_a_word_becomes_the_value_meant(name: str, word: str, value: object) -> None:
    """`-p name=word` arrives in the function as a value of the parameter's type."""
    bound = given(every_type, **{name: word})
    assert bound[name] == value
    assert type(bound[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "arrives"),
    [
        ("workers", 4, 4),
        ("workers", Level.HIGH, 2),
        ("pause_s", 1, 1.0),
        ("label", Word.YES, "ja"),
        ("colour", Colour.BLUE, Colour.BLUE),
        ("colour", "BLUE", Colour.BLUE),
        ("style", None, None),
        ("sizes", (1, 2), [1, 2]),
        ("colours", [Colour.RED, "BLUE"], (Colour.RED, Colour.BLUE)),
        ("seats", None, None),
    ],
)
def test_python_values_are_taken_as_they_are(name: str, value: object, arrives: object) -> None:
    """From Python a parameter takes values of its type, Enum members included."""
    assert given(every_type, **{name: value})[name] == arrives


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("workers", "many", "takes an int, not 'many'"),
        ("workers", "3.5", "takes an int, not '3.5'"),
        ("workers", 3.5, "takes an int, not 3.5"),
        ("workers", True, "takes an int, not True"),
        ("workers", "", "takes an int, not ''"),
        ("workers", str(2**63), "takes an int of at most 64 bits, not 9223372036854775808"),
        ("workers", "9" * 10_000, "takes an int, not '99999999999"),
        ("workers", None, "takes an int, not None"),
        ("pause_s", "nan", "takes a float, not 'nan'"),
        ("pause_s", 10**400, "takes a float, not 1000000"),
        ("pause_s", False, "takes a float, not False"),
        ("loud", "maybe", "takes true or false, not 'maybe'"),
        ("loud", 1, "takes true or false, not 1"),
        ("label", 3, "takes a text, not 3"),
        ("label", "\udcff", "takes text that UTF-8 can carry, not '\\udcff'"),
        ("colour", "GREEN", "takes RED or BLUE, not 'GREEN'"),
        ("colour", Level.LOW, "takes RED or BLUE, not <Level.LOW: 1>"),
        ("style", "2.0", "takes while or if or 2, not '2.0'"),
        ("style", 2.0, "takes while or if or 2, not 2.0"),
        ("style", [], "takes while or if or 2, not []"),
        ("sizes", "1,,2", "takes an int, not ''"),
        ("sizes", {"a": 1}, "takes values with commas between them, not {'a': 1}"),
        ("seats", "nobody", "takes an int, not 'nobody'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_one_line(name: str, value: object, sentence: str) -> None:
    """The error names pattern and parameter, says what it takes and what was found, and the hint gives the default."""
    with pytest.raises(BadParameter) as caught:
        choose("mutex", parameters_of(every_type), {name: value})
    assert str(caught.value).startswith(f"mutex: parameter {name!r} {sentence}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
    assert f"-p {name}=" in caught.value.hint


def test_an_unknown_parameter_is_told_with_all_there_are() -> None:
    """A slip of the finger gets the list of parameters and what was probably meant."""

    def mutex(workers: int = 3, rounds: int = 100, pause_s: float = 0.0) -> None: ...

    with pytest.raises(BadParameter) as caught:
        choose("mutex", parameters_of(mutex), {"worker": "4"})
    assert (
        str(caught.value) == "mutex has no parameter 'worker'; it has workers (int, 3), rounds (int, 100), pause_s (float, 0.0)"
    )
    assert caught.value.hint == "did you mean -p workers=4 ?"
    with pytest.raises(BadParameter, match="it has none"):
        choose("quiet", (), {"x": 1})


def test_assignments_are_split_at_the_first_equals_sign() -> None:
    """What follows the first `=` belongs to the value."""
    assert split_assignments(["a=1", "b=", "c=x=y"]) == {"a": "1", "b": "", "c": "x=y"}


@pytest.mark.parametrize(
    ("words", "found"), [(["a"], "-p a is no"), (["=3"], "-p =3 is no"), (["a=1", "a=2"], "'a' is given twice: 1 and 2")]
)
def test_what_is_no_assignment_is_refused(words: list[str], found: str) -> None:
    """A word without name or value, and a name given twice, are told as such."""
    with pytest.raises(BadParameter, match=found):
        split_assignments(words)


def no_default(workers: int) -> None:
    """No default."""


def strange_type(host: bytes = b"") -> None:
    """A type that no word can be read as."""


def two_types(value: int | str = 3) -> None:
    """Two types at once."""


def nested(value: list[list[int]] = []) -> None:  # noqa: B006
    """A list of lists."""


def mapping(value: dict[str, int] = {}) -> None:  # noqa: B006
    """A mapping."""


def wrong_default(value: int = "3") -> None:  # type: ignore[assignment]
    """A default of another type."""


def hidden_none(value: int = None) -> None:  # type: ignore[assignment]  # noqa: RUF013
    """None without saying so."""


def wrong_choice(value: Literal["a"] = "b") -> None:  # type: ignore[assignment]
    """A default that is no choice."""


def alike(value: Literal[1, "1"] = 1) -> None:
    """Two choices that are one word."""


def unguessable(value=object()) -> None:  # noqa: B008
    """No annotation, and a default that tells nothing."""


def positional(value: int = 3, /) -> None:
    """Cannot be given by name."""


def stars(*args: int) -> None:
    """Any number of arguments."""


def double_stars(**options: int) -> None:
    """Any options."""


def nowhere(value: "Nonsense" = 3) -> None:  # type: ignore[name-defined]  # noqa: F821
    """An annotation that does not exist."""


def failing(value: "1/0" = 3) -> None:  # type: ignore[valid-type, syntax]
    """An annotation that fails."""


def endless(value: "Endless" = 3) -> None:  # type: ignore[valid-type]
    """An annotation that names itself."""


Endless = "Endless"


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (no_default, "parameter 'workers' has no default"),
        (strange_type, "parameter 'host' is of type bytes; it can be int, float"),
        (two_types, "parameter 'value' is of type int | str;"),
        (nested, "parameter 'value' is of type list[list[int]];"),
        (mapping, "parameter 'value' is of type dict[str, int];"),
        (wrong_default, "the default of parameter 'value' does not fit its type: it takes int, not the text '3'"),
        (hidden_none, "the default of parameter 'value' does not fit its type: it takes an int, not None"),
        (wrong_choice, "the default of parameter 'value' does not fit its type: it takes a, not 'b'"),
        (alike, "whose choices cannot be told apart"),
        (unguessable, "parameter 'value' is without a type, and its default is <object"),
        (positional, "parameter 'value' is positional-only"),
        (stars, "parameter '*args' has no name"),
        (double_stars, "parameter '**options' has no name"),
        (nowhere, "the type of parameter 'value' cannot be read: NameError"),
        (failing, "the type of parameter 'value' cannot be read: ZeroDivisionError"),
        (endless, "the type of parameter 'value' cannot be read: RecursionError"),
        (print, "parameter '*args' has no name"),
    ],
)
def test_a_signature_that_cannot_be_given_by_words_is_named(function: Callable[..., object], found: str) -> None:
    """Each parameter that cannot be one is named, with why."""
    _, problems = read_parameters(function)
    assert found in " ".join(problems)


def test_postponed_annotations_are_read_like_others() -> None:
    """`from __future__ import annotations` leaves texts; they are evaluated where the function was defined."""
    assert [str(parameter) for parameter in parameters_of(postponed)] == [
        "mood (GLAD|SAD, GLAD)",
        "moods (list of GLAD|SAD, '')",
        "n (int or none, none)",
    ]
    bound = given(postponed, mood="SAD", moods="GLAD,SAD", n="3")
    assert [repr(value) for value in bound.values()] == ["<Mood.SAD: 2>", "[<Mood.GLAD: 1>, <Mood.SAD: 2>]", "3"]


def test_decorators_and_partials_are_seen_through() -> None:
    """A wrapper made with functools.wraps, or a partial, has the parameters of what it wraps."""

    @functools.wraps(every_type)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        every_type(*args, **kwargs)

    assert parameters_of(wrapper) == parameters_of(every_type)
    assert given(wrapper, colour="BLUE")["colour"] is Colour.BLUE
    part = functools.partial(every_type, 9, colour=Colour.BLUE)
    assert [p.name for p in parameters_of(part)][:2] == ["pause_s", "loud"]
    assert given(part)["colour"] is Colour.BLUE


def test_a_choice_that_has_gone_is_told() -> None:
    """A recording may name an Enum member or Literal that the pattern no longer has."""
    for values in ({"colour": "GREEN"}, {"style": "unless"}):
        with pytest.raises(ValueError, match="has no value"):
            bind(every_type, values)


def test_bind_leaves_what_it_does_not_know_to_the_call() -> None:
    """A name that the function does not have is passed on: the call itself says so."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'gone'"):
        every_type(**bind(every_type, {"gone": 1}))
