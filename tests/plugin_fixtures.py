"""The fixture of the tests of plugins; those name this module in their `pytest_plugins`."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a plugin file; the test's folder holds nothing else."""

    def write(source: str, name: str = "ring.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source))
        return path

    return write
