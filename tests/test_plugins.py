"""A plugin is found, and when it is broken it is named with file and line and costs nothing but itself."""

import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pluggy
import pytest

from simcore import api, hookspecs
from simcore.engine.plugins import GROUP, VARIABLE, PluginHost, PluginState
from simcore.errors import PluginError, SimcoreError, UnknownPattern, UsageError
from simcore.runtime import bind

ROOT = Path(__file__).parent.parent
ALL_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
POINTS = {name: value for name, value in ALL_POINTS.items() if value.startswith("simcore_patterns.")}
BUILT_IN = [EntryPoint(name, value, GROUP) for name, value in POINTS.items()]

GOOD = """
from simcore.api import pattern

@pattern(section="mine")
def ring_of_threads(seats: int = 3) -> None:
    '''A ring. Look at it.'''
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a plugin file; the test's folder holds nothing else."""

    def write(source: str, name: str = "ring.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source))
        return path

    return write


def host_of(*files: Path | str) -> PluginHost:
    """A host with the built-in patterns and these files, whatever the environment says."""
    return PluginHost(files, env=False, entry_points=BUILT_IN)


def state_of(host: PluginHost, name: str = "ring") -> PluginState:
    """What became of the plugin under test; all others are untouched."""
    others = [plugin for plugin in host.plugins if plugin.name != name]
    assert {plugin.name for plugin in others} >= set(POINTS)
    assert all(plugin.state == "ok" for plugin in others), [plugin.problems for plugin in others]
    assert set(POINTS) <= set(host.patterns)
    return host.find_plugin(name)


# --- what is found -----------------------------------------------------------------------------------------------------------


def test_built_in_patterns_come_through_the_entry_points() -> None:
    """Each of their entry points in pyproject.toml is one plugin with one pattern of its name."""
    host = host_of()
    assert list(host.patterns) == sorted(POINTS)
    assert [plugin.name for plugin in host.plugins] == sorted(POINTS)
    for name, pattern in host.patterns.items():
        assert pattern.plugin == name
        assert bind.find(sys.modules[pattern.module], pattern.qualname) is pattern.function
        assert Path(pattern.file).parts[-2:] == ("simcore_patterns", f"{name.replace('-', '_')}.py")
        assert Path(pattern.file).read_text().splitlines()[pattern.line - 1].startswith("def ")
        assert pattern.summary.endswith(".")
        assert pattern.lesson


def test_what_a_pattern_expects_depends_on_its_parameters() -> None:
    """With `fixed` the leak is expected to end well."""
    host = host_of()
    leak = host.find("recursive-mutex-leak")
    assert leak.expect == {"deadlock"}
    assert leak.expected(leak.choose({"fixed": "yes"})) == {"ok"}
    condition = host.find("condition")
    assert (condition.expect, condition.expected({"style": "if"})) == ({"ok"}, {"failed"})
    assert host.find("mutex").expected({"workers": 2}) == {"ok"}


def test_what_a_pattern_expects_may_depend_on_the_start_method() -> None:
    """An `expect` that names `start_method` is asked for the run's, or for Python's default."""
    pattern = host_of().find("rng-after-fork")
    assert pattern.start_methods == ("fork", "spawn", "forkserver")
    values = pattern.choose({})
    assert [pattern.expected(values, method) for method in pattern.start_methods] == [{"failed"}, {"ok"}, {"ok"}]
    assert pattern.expected(values) == pattern.expected(values, multiprocessing.get_all_start_methods()[0]) == pattern.expect


def test_a_file_is_a_plugin(write: Callable[..., Path]) -> None:
    """A pattern from a single file knows its file, line, title, summary and lesson."""
    path = write(GOOD)
    host = host_of(path)
    pattern = host.find("ring-of-threads")
    assert state_of(host).state == "ok"
    assert (pattern.plugin, pattern.plugin_file, pattern.file, pattern.line) == ("ring", str(path), str(path), 5)
    assert (pattern.section, pattern.title, pattern.summary, pattern.lesson) == ("mine", "A ring", "A ring.", "Look at it.")
    assert (pattern.qualname, pattern.granularity, pattern.expect) == ("ring_of_threads", "sync", {"ok"})
    assert [str(parameter) for parameter in pattern.parameters] == ["seats (int, 3)"]


def test_the_environment_names_files(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """SIMCORE_PLUGINS is a path list; empty entries are nothing; `env=False` looks away."""
    other = write(GOOD.replace("ring_of", "heap_of"), "heap.py")
    monkeypatch.setenv(VARIABLE, os.pathsep.join(["", str(write(GOOD)), str(other), ""]))
    assert {"ring-of-threads", "heap-of-threads"} <= set(PluginHost(entry_points=BUILT_IN).patterns)
    assert set(PluginHost(entry_points=BUILT_IN, env=False).patterns) == set(POINTS)


def test_hosts_know_nothing_of_each_other(write: Callable[..., Path]) -> None:
    """A host is an object: the next one starts from nothing and sees an edited file anew."""
    path = write(GOOD)
    first = host_of(path)
    path.write_text(GOOD.replace("seats: int = 3", "chairs: int = 4"))
    second = host_of(path)
    assert [p.name for p in first.find("ring-of-threads").parameters] == ["seats"]
    assert [p.name for p in second.find("ring-of-threads").parameters] == ["chairs"]
    assert "ring-of-threads" not in host_of().patterns


def test_loading_a_file_leaves_nothing_behind(write: Callable[..., Path]) -> None:
    """No bytecode beside the plugin, no folder on the path."""
    path = write(GOOD)
    before, beside = list(sys.path), sorted(path.parent.iterdir())
    host_of(path)
    assert sys.path == before
    assert sorted(path.parent.iterdir()) == beside


def test_a_file_may_import_its_neighbours_but_shadows_no_module(write: Callable[..., Path]) -> None:
    """Its folder stands at the end of the path: a neighbour is found, and a plugin called queue.py replaces no queue."""
    write("SEATS = 7\n", "ring_neighbour.py")
    path = write(
        "from ring_neighbour import SEATS\nimport queue\nassert queue.Queue" + GOOD.replace("= 3", "= SEATS"), "queue.py"
    )
    import queue

    host = host_of(path)
    assert host.find("ring-of-threads").parameters[0].default == 7
    assert sys.modules["queue"] is queue
    del sys.modules["ring_neighbour"]


def test_two_files_of_one_name_are_two_plugins(write: Callable[..., Path], tmp_path: Path) -> None:
    """Files are told apart by their path."""
    (tmp_path / "other").mkdir()
    first, second = write(GOOD), write(GOOD.replace("ring_of", "heap_of"), "other/ring.py")
    host = host_of(first, second)
    assert host.find("ring-of-threads").plugin_file == str(first)
    assert host.find("heap-of-threads").plugin_file == str(second)


def test_what_a_plugin_prints_goes_to_stderr(write: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is the answer of a command, and no plugin's."""
    host_of(write("print('hello')" + GOOD))
    assert capsys.readouterr() == ("", "hello\n")


def test_a_package_contributes_what_its_modules_define(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point may name a package that imports its patterns from its modules, or one function."""
    package = tmp_path / "acme_patterns"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from acme_patterns.ring import ring_of_threads\nfrom simcore_patterns.mutex import mutex\n"
    )
    (package / "ring.py").write_text(GOOD)
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint("acme", "acme_patterns", GROUP)]
    host = PluginHost(env=False, entry_points=points)
    assert list(host.patterns) == ["ring-of-threads"]
    assert host.plugins[0].state == "ok"
    one = PluginHost(env=False, entry_points=[EntryPoint("acme", "acme_patterns.ring:ring_of_threads", GROUP)])
    pattern = one.find("ring-of-threads")
    assert bind.find(sys.modules[pattern.module], pattern.qualname) is pattern.function
    for name in ("acme_patterns", "acme_patterns.ring"):
        del sys.modules[name]


BUILDING = """
from functools import partial
from simcore.api import hookimpl, pattern

def ring(seats: int = 0, loud: bool = False) -> None:
    print("seats", seats)

@hookimpl
def simcore_patterns():
    for seats in (3, 5):
        yield pattern(section="mine", name=f"ring-{seats}")(partial(ring, seats=seats))
"""


def test_a_hook_builds_patterns_that_names_alone_find_again(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Another process finds a pattern built at run time by file and qualified name."""
    path = write(BUILDING)
    host = host_of(path)
    assert state_of(host).state == "ok"
    pattern = host.find("ring-5")
    module = bind.load_file(pattern.plugin_file)
    function = bind.find(module, pattern.qualname)
    function(**bind.bind(function, pattern.choose({})))
    assert capsys.readouterr().out == "seats 5\n"
    with pytest.raises(LookupError, match="builds no pattern 'ring-9'"):
        bind.find(module, pattern.qualname.replace("ring-5", "ring-9"))
    del sys.modules[module.__name__]


def test_an_object_may_be_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point may name an object whose methods are hooks; its patterns are found by their path through it."""
    source = """
    from simcore.api import hookimpl, pattern

    class Acme:
        @hookimpl
        def simcore_patterns(self):
            return [pattern(name="made")(self.make())]

        def make(self):
            def made(n: int = 1) -> None:
                '''Made.'''
            return made

    acme = Acme()
    """
    (tmp_path / "acme_object.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    host = PluginHost(env=False, entry_points=[EntryPoint("acme", "acme_object:acme", GROUP)])
    pattern = host.find("made")
    assert pattern.qualname == "acme.simcore_patterns()/made"
    assert bind.find(sys.modules["acme_object"], pattern.qualname).__name__ == "made"
    del sys.modules["acme_object"]


# --- what is broken ----------------------------------------------------------------------------------------------------------

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


# --- asking ------------------------------------------------------------------------------------------------------------------


def test_an_unknown_pattern_is_told_with_what_was_meant() -> None:
    """One line, a hint with near names, and the exit code of a usage error."""
    host = host_of()
    with pytest.raises(UnknownPattern) as caught:
        host.find("recursive_mutex_leek")
    assert str(caught.value) == f"there is no pattern 'recursive_mutex_leek' among {len(POINTS)}"
    assert caught.value.hint == "did you mean recursive-mutex-leak or recursive-mutex?"
    assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match="there is no plugin 'mutx'"):
        host.find_plugin("mutx")


def test_a_pattern_missing_for_a_broken_plugin_is_told_so(write: Callable[..., Path]) -> None:
    """Who names a broken file and asks for its pattern learns what is wrong with the file; a near name goes first."""
    path = write("1/0")
    with pytest.raises(PluginError, match="ZeroDivisionError") as caught:
        host_of(path).find("meeting")
    assert caught.value.exit_code == 4
    assert f"`simcore plugins check {path}`" in caught.value.hint
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        host_of(path).find("ring")
    with pytest.raises(UnknownPattern) as unknown:
        host_of(path).find("mutx")
    assert unknown.value.hint == "did you mean mutex?"
    installed = PluginHost(env=False, entry_points=[*BUILT_IN, EntryPoint("acme-ring", "no_such_module_anywhere", GROUP)])
    with pytest.raises(UnknownPattern) as unknown:
        installed.find("meeting")
    assert "plugin 'acme-ring' is broken" in unknown.value.hint


def test_without_any_plugin_the_host_says_what_to_do() -> None:
    """An empty host is honest about a source tree that was never installed."""
    program = (
        "import importlib.metadata as m\n"
        "from simcore.engine import plugins\n"
        "plugins.entry_points = lambda group: []\n"
        "host = plugins.PluginHost(env=False)\n"
        "print(len(host.plugins), host.advice)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.startswith("0 no plugin is installed, not even simcore's own patterns")
    assert "pip install -e ." in ran.stdout
    assert PluginHost(env=False, entry_points=False).advice == ""


def test_broken_metadata_of_an_installation_is_a_broken_plugin(
    monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]
) -> None:
    """When the list of entry points cannot be had, files still load."""

    def fail(group: str) -> None:
        raise ValueError(f"bad metadata in {group}")

    monkeypatch.setattr("simcore.engine.plugins.entry_points", fail)
    host = PluginHost([write(GOOD)], env=False)
    assert [plugin.state for plugin in host.plugins] == ["broken", "ok"]
    assert "ValueError: bad metadata in simcore.plugins" in host.plugins[0].problems[0]


# --- the contract with plugins -----------------------------------------------------------------------------------------------


def test_a_marked_function_stays_an_ordinary_function() -> None:
    """It is the same object, can be called and pickled, and its mark cannot be changed."""

    def ring(seats: int = 3) -> int:
        return seats

    marked = api.pattern(section="mine", expect="deadlock")(ring)
    assert marked is ring
    assert marked(4) == 4
    mark = ring.simcore_pattern  # type: ignore[attr-defined]
    assert (mark.name, mark.expect, mark.module) == ("ring", {"deadlock"}, __name__)
    with pytest.raises(AttributeError, match="frozen"):
        mark.name = "other"
    with pytest.raises(AttributeError, match="frozen"):
        del mark.name
    assert pickle.loads(pickle.dumps(test_a_marked_function_stays_an_ordinary_function))


def test_hookimpl_sets_what_pluggy_sets() -> None:
    """The mark of simcore.api and that of pluggy are equal, with and without options."""
    theirs = pluggy.HookimplMarker(hookspecs.PROJECT)

    def one() -> None: ...
    def two() -> None: ...
    def three() -> None: ...
    def four() -> None: ...

    api.hookimpl(one)
    theirs(two)
    api.hookimpl(specname="simcore_patterns", optionalhook=True)(three)
    theirs(specname="simcore_patterns", optionalhook=True)(four)
    assert one.simcore_impl == two.simcore_impl  # type: ignore[attr-defined]
    assert three.simcore_impl == four.simcore_impl  # type: ignore[attr-defined]


def test_specname_and_optionalhook_do_what_they_say(write: Callable[..., Path]) -> None:
    """A hook under another name is called; a hook that this simcore does not have is passed over when it is optional."""
    source = """
    from simcore.api import hookimpl, pattern

    @hookimpl(specname="simcore_patterns")
    def mine():
        return [pattern(name="built")(lambda: None)]

    @hookimpl(optionalhook=True)
    def simcore_of_the_future():
        pass
    """
    host = host_of(write(source))
    assert state_of(host).state == "ok"
    assert host.find("built").qualname == "mine()/built"


def test_what_a_pattern_drags_in_is_next_to_nothing() -> None:
    """simcore.api and simcore.runtime.bind load no pluggy, no inspect, no dataclasses, nothing outside the standard library."""
    program = "import sys, simcore.api, simcore.runtime.bind; print(' '.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert not loaded & {"pluggy", "msgpack", "rich", "click", "inspect", "dataclasses", "threading"}
    assert loaded - {"simcore", "__main__"} <= sys.stdlib_module_names | {"sitecustomize"}


def test_importing_the_host_imports_no_pattern() -> None:
    """Only a host that is made loads plugins."""
    program = "import sys, simcore.engine.plugins; print([n for n in sys.modules if n.startswith('simcore_patterns')])"
    env = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=True)
    assert ran.stdout == "[]\n"


def test_a_child_finds_a_pattern_of_a_file_by_names_and_plain_values(write: Callable[..., Path]) -> None:
    """What crosses the border is path, qualified name and plain values; the Enum arrives as an Enum."""
    path = write(
        """
        from __future__ import annotations
        from enum import Enum
        from simcore.api import pattern
        class Mood(Enum):
            GLAD = object()
            SAD = object()
        @pattern
        def ring(mood: Mood = Mood.GLAD, seats: list[int] = [1]) -> None:
            print(type(mood).__name__, mood.name, seats)
        """
    )
    pattern = host_of(path).find("ring")
    values = pattern.choose({"mood": "SAD", "seats": "4,5"})
    program = (
        "import json, sys\nfrom simcore.runtime import bind\n"
        "path, name, values = json.loads(sys.argv[1])\n"
        "function = bind.find(bind.load_file(path), name)\nfunction(**bind.bind(function, values))\n"
    )
    import json

    argument = json.dumps([pattern.plugin_file, pattern.qualname, values])
    ran = subprocess.run([sys.executable, "-c", program, argument], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "Mood SAD [4, 5]\n"


# --- the documents -----------------------------------------------------------------------------------------------------------


def test_every_hook_has_its_heading() -> None:
    """docs/hooks.md has a heading for each hook and none for a hook that does not exist, and names the version."""
    text = (ROOT / "docs" / "hooks.md").read_text()
    hooks = {name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "simcore_spec")}
    assert hooks
    assert set(re.findall(r"^## `(simcore_\w+)", text, re.MULTILINE)) == hooks
    assert all(getattr(hookspecs, name).__doc__ for name in hooks)
    assert f"API version {hookspecs.API_VERSION}" in text


def test_every_error_can_be_pickled() -> None:
    """An error of the host crosses a process border as it is."""
    for error in (UnknownPattern("a", "b"), PluginError("a", "b")):
        assert isinstance(error, SimcoreError)
        assert str(pickle.loads(pickle.dumps(error))) == "a"
