"""Rewritten modules are imported as modules are: by statements, by `runpy`, in spawned children, with their source at hand."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import simcore

HERE = Path(__file__).parent
HOME = Path(simcore.__file__).parents[1]

SETUP = """
import builtins, os, sys
from simcore.runtime.access import loader
from simcore.runtime.access.plainly import hooks
spots, registered = [], []
def register(path, found):
    registered.append(os.path.basename(path))
    spots.extend(found)
    return len(spots) - len(found)
vars(builtins).update(hooks(spots))
here = os.getcwd() + os.sep
loader.install(lambda name, path: path.startswith(here) and not path.endswith("plain.py"), register)
"""


def ran(program: str, *options: str, setup: str = SETUP) -> list[str]:
    """The lines that a program prints in a process of its own, which installs the loader first."""
    Path("setup").mkdir(exist_ok=True)
    Path("setup/sitecustomize.py").write_text(setup)
    Path("run.py").write_text(textwrap.dedent(program))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path("setup").absolute()), str(HOME)])
    done = subprocess.run(
        [sys.executable, *options, "run.py"], capture_output=True, text=True, env=environment, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def write(files: dict[str, str]) -> None:
    """Sources by their names, without `.py`."""
    for name, text in files.items():
        path = Path(f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


MODULE = """
'''Doc.'''
import sys
class A:
    def f(self):
        # a comment
        self.x = 1
        return self.x
is_rewritten = '__simcore_store_attr__' in A.f.__code__.co_names
"""


def test_modules_are_rewritten_and_their_bytecode_is_nobodys() -> None:
    """No file of bytecode is written for a rewritten module, one that is there is not read; others have theirs."""
    write(dict.fromkeys(("mod", "plain", "pack/__init__", "pack/inner"), MODULE))
    program = """
        import importlib
        import mod, plain, pack.inner
        print(mod.is_rewritten, plain.is_rewritten, pack.is_rewritten, pack.inner.is_rewritten, mod.A().f())
        importlib.reload(mod)
        print(mod.is_rewritten, mod.__cached__.endswith(".pyc"), mod.__spec__.cached == mod.__cached__)
        """
    expected = ["True False True True 1", "True True True"]
    assert ran(program) == expected
    caches = sorted(path.name.partition(".")[0] for path in Path().rglob("*.pyc") if "setup" not in str(path))
    assert caches == ["plain"]
    Path("plain_run.py").write_text("import mod, pack.inner; print(mod.is_rewritten, pack.inner.is_rewritten)")
    subprocess.run([sys.executable, "-B", "-m", "compileall", "-q", "mod.py", "pack"], check=True)
    assert ran(program) == expected
    plain = subprocess.run([sys.executable, "plain_run.py"], capture_output=True, text=True, check=True)
    assert plain.stdout.split() == ["False", "False"]


def test_a_module_says_of_itself_what_a_plain_one_says() -> None:
    """Source, file, spec, loader, resources, documentation, line cache, and all that `inspect` tells of a function."""
    write({"mod": MODULE, "pack/__init__": MODULE})
    Path("pack/data.txt").write_text("data")
    program = """
        import importlib.resources, importlib.util, inspect, linecache, pkgutil, pickle
        import mod, pack
        def without(text): return text.replace(os.getcwd(), "")
        import os
        f = mod.A.f
        print(mod.__doc__, without(mod.__file__), without(repr(mod.__spec__)), without(repr(mod)))
        print(inspect.getsource(f), inspect.getsourcelines(mod.A)[1], without(inspect.getfile(f)), inspect.getcomments(f))
        print(inspect.getsource(mod) == mod.__loader__.get_source("mod"), linecache.getline(mod.__file__, 6))
        print(importlib.resources.files("pack").joinpath("data.txt").read_text(), pkgutil.get_data("pack", "data.txt"))
        print(sorted(vars(mod)), sorted(vars(pack)), f.__qualname__, f.__code__.co_firstlineno, f.__code__.co_varnames)
        print(importlib.util.find_spec("mod").origin == mod.__file__, pickle.loads(pickle.dumps(mod.A)).__name__)
        print(without(f.__code__.co_filename), mod.__loader__.get_code("mod").co_name, mod.__loader__.is_package("mod"))
        print(type(mod.__loader__).get_code.__qualname__)
        """
    addresses = re.compile("0x[0-9a-f]+")
    assert [addresses.sub("", line) for line in ran(program)] == [addresses.sub("", line) for line in ran(program, setup="")]


def test_other_kinds_of_modules_are_left_alone() -> None:
    """Archives, namespace packages, modules without a source, specs made by hand, modules made at run time."""
    write(dict.fromkeys(("space/inner", "byhand", "gone", "zipped"), MODULE))
    subprocess.run([sys.executable, "-c", "import zipfile; z = zipfile.ZipFile('a.zip', 'w'); z.write('zipped.py')"], check=True)
    subprocess.run([sys.executable, "-c", "import py_compile; py_compile.compile('gone.py', 'gone.pyc')"], check=True)
    Path("zipped.py").unlink()
    Path("gone.py").unlink()
    program = """
        import importlib.util, os, sys
        sys.path.append("a.zip")
        import space.inner, zipped, gone
        print(space.inner.is_rewritten, list(space.__path__)[0].endswith("space"), zipped.is_rewritten, gone.is_rewritten)
        spec = importlib.util.spec_from_file_location("other", "byhand.py")
        module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)
        print(module.is_rewritten, module.__name__, gone.A().f(), module.A().f())
        lazy = importlib.util.find_spec("byhand"); lazy.loader = importlib.util.LazyLoader(lazy.loader)
        module = importlib.util.module_from_spec(lazy); lazy.loader.exec_module(module); print(module.is_rewritten)
        from importlib.machinery import SourceFileLoader
        class Own(SourceFileLoader):
            def source_to_code(self, data, path, *, _optimize=-1): return compile("is_rewritten = 'own'", path, "exec")
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("own", Own("own", os.path.abspath("byhand.py"))))
        module.__loader__.exec_module(module); print(module.is_rewritten)
        """
    assert ran(program) == ["True True False False", "True other 1 1", "True", "own"]


def test_scripts_are_rewritten_by_runpy() -> None:
    """`run_path`, `run_module` and `-m` run a rewritten program, under the name that it should have."""
    write(
        {
            "mod": MODULE + "print(__name__, is_rewritten, A().f(), __file__[-6:], sys.argv[0][-6:])\n",
            "pack/__main__": MODULE + "print(__name__, is_rewritten)",
        }
    )
    program = """
        import runpy
        print(runpy.run_path("mod.py", run_name="__main__")["A"].__module__)
        runpy.run_module("mod", run_name="__main__", alter_sys=True)
        runpy.run_path("pack", run_name="__main__")
        runpy.run_module("pack", run_name="__main__")
        exec(__import__("simcore.runtime.access.loader").runtime.access.loader.compile_main(open("mod.py").read(), "mod.py"))
        """
    lines = ran(program)
    assert lines[0].split()[:3] == ["__main__", "True", "1"]
    assert lines[1] == "__main__"
    assert lines[2].split() == ["__main__", "True", "1", "mod.py", "mod.py"]
    assert lines[3:5] == ["__main__ True", "__main__ True"]
    assert lines[5].split()[:3] == ["__main__", "True", "1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path("setup").absolute()), str(HOME)])}
    done = subprocess.run([sys.executable, "-m", "mod"], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split()[:3] == ["__main__", "True", "1"]


def test_spawned_children_run_a_rewritten_main() -> None:
    """The main script that multiprocessing imports again in a child is rewritten there."""
    program = """
        import multiprocessing, sys
        class A: n = 0
        def work(queue):
            A.n += 1
            queue.put((__name__, A.n, "__simcore_update_attr__" in work.__code__.co_names))
        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            queue = context.SimpleQueue()
            child = context.Process(target=work, args=(queue,)); child.start(); print(queue.get()); child.join()
        """
    assert ran(program) == ["('__mp_main__', 1, True)"]


def test_errors_in_the_source_are_told_as_ever() -> None:
    """A syntax error, an unreadable encoding, an error at import: the same lines, with no frame of ours."""
    write({"wrong": "a.b = 1\ndef f(:\n", "user": "import wrong\n", "fails": "class A: pass\nA.b\n", "both": "import fails\n"})
    Path("bytes.py").write_bytes(b"a.b = '\xff'\n")
    program = """
        import runpy, traceback
        for name in ("wrong", "user", "fails", "both", "bytes", "nowhere"):
            try: __import__(name)
            except BaseException: print(traceback.format_exc())
        try: runpy.run_path("wrong.py")
        except SyntaxError: print(traceback.format_exc())
        """
    told = ran(program)
    assert told == ran(program, setup="")
    assert not any("simcore" in line for line in told)


def test_threads_import_with_numbers_of_their_own() -> None:
    """Modules that threads import at the same time get numbers that do not overlap."""
    write({f"m{i}": MODULE + f"class B{i}: name{i} = 1\nB{i}.name{i}\n" for i in range(20)})
    program = """
        import importlib, threading, sys
        sys.setswitchinterval(1e-6)
        found = []
        def load(i): found.append(importlib.import_module(f"m{i}").A().f())
        threads = [threading.Thread(target=load, args=(i,)) for i in range(20)]
        for t in threads: t.start()
        for t in threads: t.join()
        import sitecustomize as s
        print(found.count(1), len(s.registered), len(s.spots), len({spot.field for spot in s.spots}))
        """
    assert ran(program) == ["20 20 140 25"]


def test_nothing_happens_before_it_is_installed() -> None:
    """To import the loader changes nothing, and `remove` puts everything back."""
    write({"mod": MODULE})
    program = """
        import importlib.machinery, runpy
        get_code = importlib.machinery.SourceFileLoader.get_code
        from simcore.runtime.access import loader
        print(importlib.machinery.SourceFileLoader.get_code is get_code, "compile" in vars(runpy))
        loader.install(lambda name, path: False, lambda path, spots: 0)
        loader.remove(); loader.remove()
        print(importlib.machinery.SourceFileLoader.get_code is get_code, "compile" in vars(runpy))
        import mod; print(mod.is_rewritten)
        """
    assert ran(program, setup="") == ["True False", "True False", "False"]


# The standard library ---------------------------------------------------------------------------------------------------------


def outcome(module: str, how: str) -> dict[str, object]:
    """How CPython's own tests of a module end."""
    done = subprocess.run(
        [sys.executable, str(HERE / "stdlib_rewritten.py"), module, how],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HOME), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert done.stdout, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(module: str, how: str) -> None:
    """What passes with the plain module passes with the rewritten one; a test that fails with both counts for nothing."""
    plain, ran = outcome(module, "plain"), outcome(module, how)
    passed = {name for name, how in plain["outcomes"].items() if how == "passed"}  # type: ignore[attr-defined]
    told = ran["told"]
    assert {name: told.get(name) for name in passed if ran["outcomes"].get(name) != "passed"} == {}  # type: ignore[attr-defined, index]
    assert ran["rewritten"]
    assert len(passed) >= 50
    assert ran["accesses"] > 100  # type: ignore[operator]
    print(f"{module}: {len(passed)} of {len(plain['outcomes'])} tests pass plain, and all of those rewritten")  # type: ignore[arg-type]


LONG_ONES = ("json", "difflib", "argparse", "collections", "functools")
QUICK = [("heapq", "marked"), ("textwrap", "rewritten"), ("dataclasses", "marked"), ("dataclasses", "rewritten")]
LONG = [("heapq", "rewritten"), ("textwrap", "marked"), *((name, how) for name in LONG_ONES for how in ("rewritten", "marked"))]


@pytest.mark.parametrize(("module", "how"), QUICK)
def test_the_standard_library_passes_its_own_tests(module: str, how: str) -> None:
    """CPython's tests of pure modules pass with the rewritten ones, with hooks that are called and with marks: the quick ones."""
    compare(module, how)


@pytest.mark.loop
@pytest.mark.parametrize(("module", "how"), LONG)
def test_all_of_the_standard_library_passes_its_own_tests(module: str, how: str) -> None:
    """The same of those that take longer."""
    compare(module, how)
