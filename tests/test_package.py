"""What an install brings: two packages, one command, one group of plugins."""

import sysconfig
import tomllib
from importlib.metadata import distribution, distributions, entry_points
from pathlib import Path

import simcore

ROOT = Path(__file__).parents[1]


def test_an_install_adds_exactly_two_packages() -> None:
    """Never `plugins`, `traces` or `tests`, which would clash with anybody's."""
    # Where installs go, and not the working directory, which has the build's own metadata.
    (installed,) = distributions(name="simcore", path=[sysconfig.get_paths()["purelib"]])
    files = installed.files or []
    tops = {file.parts[0] for file in files if file.parts[0] != ".."}
    ours = {top for top in tops if not top.startswith(("simcore-", "__editable__", "__pycache__"))}
    assert ours <= {"simcore", "simcore_patterns"}
    assert not {"plugins", "traces", "tests", "docs", "benchmarks"} & tops


def test_every_package_of_the_tree_is_listed() -> None:
    """pyproject.toml lists packages one by one; none is forgotten."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "simcore").rglob("*.py")}
    assert listed == there | {"simcore_patterns"}


def test_built_in_patterns_come_through_the_entry_points() -> None:
    """The same group as anybody's."""
    names = {point.name for point in entry_points(group="simcore.plugins") if point.value.startswith("simcore_patterns.")}
    files = {path.stem.replace("_", "-") for path in (ROOT / "plugins" / "simcore_patterns").glob("[a-z]*.py")}
    assert names == files


def test_the_version_is_said_once() -> None:
    """The package and its metadata agree."""
    assert simcore.__version__ == distribution("simcore").version
