"""A plugin is found, by its entry point, its path or the environment; what is not is told with what was meant."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from plugin_files import BUILT_IN, GOOD, POINTS, ROOT, host_of, state_of

from simcore.engine.plugins import GROUP, VARIABLE, PluginHost
from simcore.errors import PluginError, UnknownPattern, UsageError
from simcore.runtime import bind

pytest_plugins = ["plugin_fixtures"]

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
