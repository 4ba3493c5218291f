"""What simcore and its plugins may rely on in each other, and what the documents say of it."""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pluggy
import pytest
from plugin_files import ROOT, host_of, state_of

from simcore import api, hookspecs
from simcore.errors import PluginError, SimcoreError, UnknownPattern

pytest_plugins = ["plugin_fixtures"]


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
