"""Imports go downward only, and a recorded program gets nothing of simcore but its runtime."""

import ast
import json
import sys
from pathlib import Path

import pytest

import simcore

PACKAGE = Path(simcore.__file__).parent
LAYERS = {
    "errors": (),
    "api": (),
    "hookspecs": ("api",),
    "trace": ("errors", "trace"),
    "runtime": ("runtime", "trace.events", "_core"),
    "engine": ("api", "errors", "hookspecs", "trace", "runtime", "engine", "__version__"),
    "analysis": ("api", "errors", "trace", "runtime.core", "analysis"),
    "diffing": ("errors", "trace", "diffing"),
    "exports": ("api", "errors", "trace", "analysis", "exports"),
    "methods": ("api", "errors", "hookspecs", "trace", "runtime", "engine", "methods", "__version__"),
    "kit": ("errors", "trace", "engine", "diffing", "kit"),
    "views": ("errors", "trace", "engine", "analysis", "diffing", "methods", "kit", "views", "__version__"),
    "report": ("errors", "trace", "analysis", "diffing", "views", "report"),
    "cli": (
        "errors",
        "trace",
        "engine",
        "analysis",
        "diffing",
        "methods",
        "kit",
        "exports",
        "views",
        "report",
        "cli",
        "api",
        "record",
        "replay",
        "diff",
        "Trace",
        "__version__",
    ),
    "notebook": ("errors", "trace", "engine", "analysis", "diffing", "methods", "views", "report", "cli", "notebook"),
    "__main__": ("cli",),
    "testing": ("api", "errors", "trace", "engine", "diffing", "testing"),
    "pytest_plugin": ("testing",),
}
"""Who may import whom: a package's name to the beginnings of what it may import of simcore."""

OUTSIDE = {
    "pluggy": {"engine", "hookspecs"},
    "msgpack": {"trace"},
    "pyarrow": {"exports"},
    "rich": {"views", "report", "cli", "notebook"},
    "click": {"cli", "notebook"},
    "IPython": {"notebook"},
    "pytest": {"pytest_plugin"},
    "rich_click": {"cli"},
}
"""Third-party libraries and the packages that may import them."""

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imports_of(path: Path) -> list[tuple[int, str]]:
    """Line and full dotted name of everything that a file imports, also inside of functions; not what only type checkers see."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downward_only(path: Path) -> None:
    """Each package imports what lies below it, and a library only where it belongs."""
    layer = layer_of(path)
    for line, name in imports_of(path):
        top, _, rest = name.partition(".")
        if top == "simcore":
            allowed = any(rest == start or rest.startswith(f"{start}.") for start in LAYERS[layer])
            assert allowed, f"{path.name}:{line}: {layer} imports {name}"
        elif top in OUTSIDE:
            assert layer in OUTSIDE[top], f"{path.name}:{line}: {layer} imports {name}"
        else:
            assert top in sys.stdlib_module_names, f"{path.name}:{line}: {name} is not in the standard library"


def test_a_recorded_program_gets_only_the_runtime() -> None:
    """Neither a library of ours nor the engine is loaded inside the recorded program."""
    Path("program.py").write_text("import json, sys\nprint(json.dumps(sorted(sys.modules)))\n")
    trace = simcore.record("./program.py", quiet=True)
    (text,) = (text for text in trace.texts if isinstance(text, str) and text.startswith("["))
    modules = json.loads(text)
    ours = {name for name in modules if name.partition(".")[0] == "simcore"}
    assert "simcore.runtime.install" in ours
    assert {name for name in ours if not name.startswith(("simcore.runtime", "simcore.trace"))} <= {"simcore", "simcore._core"}
    assert {name for name in ours if name.startswith("simcore.trace")} == {"simcore.trace", "simcore.trace.events"}
    assert not {name for name in modules if name.partition(".")[0] in OUTSIDE}


def test_only_the_command_line_and_notebooks_print() -> None:
    """Views return things; the engine's only words go to stderr."""
    for path in FILES:
        if layer_of(path) in ("cli", "notebook", "runtime"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                pytest.fail(f"{path.name}:{node.lineno} prints")
