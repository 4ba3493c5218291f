"""A plugin that is broken is named with file and line, and costs nothing but itself."""

import os
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from plugin_files import BUILT_IN, GOOD, ROOT, host_of, state_of

from simcore.engine.plugins import GROUP, PluginHost
from simcore.errors import PluginError
from simcore.runtime import bind

pytest_plugins = ["plugin_fixtures"]


BROKEN = {
    "an import that fails": ("import no_such_module_anywhere", 1, "does not import: ModuleNotFoundError: No module named"),
    "an exception": ("x = 1\n\ndef f():\n    return {}['seats']\n\nf()\n", 4, "does not import: KeyError: 'seats'"),
    "a syntax error": ("x = 1\ndef f(:\n", 2, "does not import: SyntaxError"),
    "a null byte": ("x = 1\0", None, "does not import: "),
    "an exit": ("import sys\nsys.exit(3)\n", 2, "does not import: SystemExit: 3"),
    "an odd exception": ("class Odd(BaseException):\n    def __str__(self): raise self\nraise Odd\n", 3, "does not import: Odd"),
    "many lines": ("raise ValueError('a\\nb\\n' + 'c' * 10_000)\n", 1, "does not import: ValueError: a b ccc"),
    "endless recursion": ("def f(): f()\nf()\n", 1, "does not import: RecursionError"),
    "nothing at all": ("", None, "contributes nothing: no function of it is marked"),
    "a hook without mark": (
        "x = 1\ndef simcore_patterns():\n    return []\n",
        2,
        "simcore_patterns is named as a hook but not marked",
    ),
    "a hook that does not exist": (
        "from simcore.api import hookimpl\n@hookimpl\ndef simcore_pattern():\n    return []\n",
        3,
        "there is no hook simcore_pattern in version 1 of the hooks; did you mean simcore_patterns?",
    ),
    "a wrong signature": (
        "from simcore.api import hookimpl\n@hookimpl\ndef simcore_patterns(config, *, a=1):\n    return []\n",
        3,
        "simcore_patterns(config, *, a=1) does not fit the hook simcore_patterns()",
    ),
    "a keyword without default": (
        "from simcore.api import hookimpl\n@hookimpl\ndef simcore_patterns(*, a):\n    return []\n",
        3,
        "simcore_patterns(*, a) does not fit the hook simcore_patterns()",
    ),
    "a wrapper": (
        "import pluggy\n@pluggy.HookimplMarker('simcore')(wrapper=True)\ndef simcore_patterns():\n    return (yield)\n",
        3,
        "simcore_patterns is a hook wrapper",
    ),
    "a hook that raises": (
        "from simcore.api import hookimpl\n@hookimpl\ndef simcore_patterns():\n    return {}['seats']\n",
        4,
        "failed in simcore_patterns: KeyError: 'seats'",
    ),
    "a hook that exits": (
        "from simcore.api import hookimpl\n@hookimpl\ndef simcore_patterns():\n    raise SystemExit\n",
        4,
        "failed in simcore_patterns: SystemExit",
    ),
    "a hook that returns a number": (
        "from simcore.api import hookimpl\n@hookimpl\ndef simcore_patterns():\n    return 42\n",
        3,
        "simcore_patterns returned 42; expected functions marked with @pattern",
    ),
    "a hook that returns a text": (
        "from simcore.api import hookimpl\n@hookimpl\ndef simcore_patterns():\n    return 'mutex'\n",
        3,
        "simcore_patterns returned 'mutex'; expected",
    ),
    "a hook that returns unmarked functions": (
        "from simcore.api import hookimpl\n@hookimpl\ndef simcore_patterns():\n    return [len]\n",
        3,
        "simcore_patterns returned <built-in function len>; expected a function marked with @pattern",
    ),
    "a coroutine for a hook": (
        "from simcore.api import hookimpl\n@hookimpl\nclass simcore_patterns:\n    pass\n",
        None,
        "contributes nothing",
    ),
    "no default": (
        "from simcore.api import pattern\n\n@pattern\ndef ring(seats: int):\n    pass\n",
        4,
        "pattern 'ring' parameter 'seats' has no default",
    ),
    "an unknown type": (
        "from simcore.api import pattern\n\n@pattern()\ndef ring(x: bytes = b''):\n    pass\n",
        4,
        "pattern 'ring' parameter 'x' is of type bytes",
    ),
    "a class": (
        "from simcore.api import pattern\n@pattern\nclass Ring:\n    pass\n",
        None,
        "pattern 'ring' is a type; expected a function",
    ),
    "a coroutine": ("from simcore.api import pattern\n@pattern\nasync def ring():\n    pass\n", 3, "pattern 'ring' is async"),
    "a generator": ("from simcore.api import pattern\n@pattern\ndef ring():\n    yield\n", 3, "pattern 'ring' is a generator"),
    "a bad name": (
        "from simcore.api import pattern\n@pattern(name='a b')\ndef ring():\n    pass\n",
        3,
        "has the name 'a b'; expected letters",
    ),
    "a name that is none": (
        "from simcore.api import pattern\n@pattern(name=7)\ndef ring():\n    pass\n",
        3,
        "has the name 7; expected letters",
    ),
    "a lambda": (
        "from simcore.api import pattern\nring = pattern(lambda: None)\n",
        2,
        "has the name '<lambda>'; expected letters",
    ),
    "a section that is no text": (
        "from simcore.api import pattern\n@pattern(section=1)\ndef ring():\n    pass\n",
        3,
        "has the section 1; expected a text",
    ),
    "an unknown outcome": (
        "from simcore.api import pattern\n@pattern(expect='fine')\ndef ring():\n    pass\n",
        3,
        "pattern 'ring' expects fine; expected some of deadlock, failed, killed, ok, stalled, timeout",
    ),
    "no outcome": (
        "from simcore.api import pattern\n@pattern(expect=())\ndef ring():\n    pass\n",
        3,
        "pattern 'ring' expects nothing",
    ),
    "an expect that fails": (
        "from simcore.api import pattern\n@pattern(expect=lambda n: {}[n])\ndef ring(n: int = 1):\n    pass\n",
        2,
        "has an expect that fails: KeyError: 1",
    ),
    "an expect of strangers": (
        "from simcore.api import pattern\n@pattern(expect=lambda m: {'ok'})\ndef ring(n: int = 1):\n    pass\n",
        2,
        "has an expect of m, which are no parameters of it",
    ),
    "an unknown granularity": (
        "from simcore.api import pattern\n@pattern(granularity='byte')\ndef ring():\n    pass\n",
        3,
        "has the granularity 'byte'; expected sync or access",
    ),
    "an unknown start method": (
        "from simcore.api import pattern\n@pattern(start_methods=['fork', 'thread'])\ndef ring():\n    pass\n",
        3,
        "has the start method 'thread'; expected fork, spawn, forkserver",
    ),
    "a mark where none fits": (
        "from simcore.api import pattern\npattern(3)\n",
        2,
        "does not import: TypeError: @pattern marks a function; 3 can carry no mark",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_named_with_file_and_line_and_costs_nothing_else(case: str, write: Callable[..., Path]) -> None:
    """One line says what is wrong and where; the built-in patterns and another file's are all there."""
    source, line, sentence = BROKEN[case]
    path = write(source)
    good = write(GOOD, "good.py")
    host = host_of(path, good)
    state = state_of(host)
    assert state.state == "broken"
    assert state.patterns == ()
    assert host.find("ring-of-threads").plugin == "good"
    (problem,) = state.problems
    place = str(path) if line is None else f"{path}:{line})"
    assert problem.startswith(f"plugin 'ring' ({place}"), problem
    assert sentence in problem
    assert "\n" not in problem
    assert len(problem) < 500 + len(str(path))
    detail = state.details[0]
    if "does not import" in problem or "failed in" in problem:
        assert "Error" in detail or "Exit" in detail or "Odd" in detail
        assert str(ROOT / "simcore" / "engine") not in detail
        assert bind.__file__ not in detail


def test_a_wrong_pattern_costs_no_other_of_its_file(write: Callable[..., Path]) -> None:
    """The rest of the file works; the state is a warning, and asking for the wrong one says why it is missing."""
    path = write(GOOD + "\n@pattern\ndef wrong(seats: int): pass\n\ndef simcore_exporters(): pass\n")
    host = host_of(path)
    state = state_of(host)
    assert (state.state, [pattern.name for pattern in state.patterns]) == ("warning", ["ring-of-threads"])
    assert len(state.problems) == 2
    with pytest.raises(
        PluginError, match=rf"plugin 'ring' \({re.escape(str(path))}:9\) pattern 'wrong' parameter 'seats' has no default"
    ):
        host.find("wrong")


def test_a_failing_hook_costs_no_decorated_pattern(write: Callable[..., Path]) -> None:
    """What a hook yielded before it failed stays, and so does what was decorated."""
    hook = "@hookimpl\ndef simcore_patterns():\n    yield pattern(name='built')(lambda: None)\n    1/0\n"
    path = write(GOOD + "\nfrom simcore.api import hookimpl\n" + hook)
    host = host_of(path)
    state = state_of(host)
    assert (state.state, [pattern.name for pattern in state.patterns]) == ("warning", ["ring-of-threads", "built"])
    assert "ring.py:12) failed in simcore_patterns: ZeroDivisionError" in state.problems[0]


def test_a_hook_that_never_ends_is_cut_off(write: Callable[..., Path]) -> None:
    """An endless generator cannot hang the host."""
    source = "from simcore.api import hookimpl\n@hookimpl\ndef simcore_patterns():\n    while True:\n        yield 3\n"
    state = state_of(host_of(write(source)))
    assert "more than" in state.problems[-1]


def test_the_first_of_two_patterns_of_one_name_stays(write: Callable[..., Path]) -> None:
    """The second is named together with the place of the first."""
    path = write(GOOD.replace("ring_of_threads", "mutex"))
    host = host_of(path)
    state = state_of(host)
    assert host.find("mutex").plugin == "mutex"
    assert state.state == "broken"
    assert state.problems[0].startswith(f"plugin 'ring' ({path}:5) pattern 'mutex' is already there from plugin 'mutex' (")
    assert re.search(r"mutex\.py:\d+\); this one is left out$", state.problems[0])


def test_one_file_under_two_names_is_loaded_once(write: Callable[..., Path], tmp_path: Path) -> None:
    """A relative path, a link and the environment may all mean one file."""
    path = write("import builtins\nbuiltins.ring_loads = getattr(builtins, 'ring_loads', 0) + 1\n" + GOOD)
    (tmp_path / "link.py").symlink_to(path)
    import builtins

    try:
        state = state_of(host_of(path, os.path.relpath(path), tmp_path / "link.py"))
        assert builtins.ring_loads == 1  # type: ignore[attr-defined]
    finally:
        del builtins.ring_loads  # type: ignore[attr-defined]
    assert state.state == "warning"
    assert state.problems == (f"plugin 'ring' ({path}) is given twice; it is loaded once",) * 2


@pytest.mark.parametrize(
    ("name", "sentence"), [("gone.py", "there is no such file"), ("folder.py", "is a folder; expected a file")]
)
def test_a_file_that_is_none_is_named(name: str, sentence: str, tmp_path: Path) -> None:
    """A path that leads to no file is a broken plugin of that name."""
    (tmp_path / "folder.py").mkdir()
    state = state_of(host_of(tmp_path / name), name.removesuffix(".py"))
    assert (state.state, state.problems) == ("broken", (f"plugin {state.name!r} ({tmp_path / name}) {sentence}",))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("no_such_module_anywhere", "does not import: ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("simcore_patterns.mutex:gone", "does not import: AttributeError"),
        ("not a value", "does not import: "),
        ("", "does not import: "),
        ("math:pi", "contributes nothing"),
    ],
)
def test_a_broken_entry_point_is_named(value: str, sentence: str) -> None:
    """What cannot be loaded is told by the entry point's name and value."""
    host = PluginHost(env=False, entry_points=[*BUILT_IN, EntryPoint("acme-ring", value, GROUP)])
    state = state_of(host, "acme-ring")
    assert state.state == "broken"
    assert state.problems[0].startswith("plugin 'acme-ring' (")
    assert sentence in state.problems[0]
    with pytest.raises(PluginError, match="acme-ring"):
        host.find("acme-ring")


def test_an_interruption_is_the_users_own(write: Callable[..., Path]) -> None:
    """Ctrl-C while a plugin loads ends the command; it is no fault of the plugin."""
    with pytest.raises(KeyboardInterrupt):
        host_of(write("raise KeyboardInterrupt"))


def test_objects_in_a_module_are_not_brought_to_life(write: Callable[..., Path]) -> None:
    """Looking for marks runs no `__getattr__` and takes no object's word for being a pattern."""
    source = (
        GOOD
        + """
class Trap:
    simcore_pattern = simcore_impl = "x"
    def __getattr__(self, name):
        raise SystemExit(name)
trap = Trap()
class Yes:
    def __getattr__(self, name):
        return self
yes = Yes()
simcore_version = 3
"""
    )
    assert state_of(host_of(write(source))).state == "ok"
