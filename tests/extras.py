"""What the tests of exports and reports need besides simcore: looked for here, so that CI can insist on it."""

from __future__ import annotations

import importlib
import os
import shutil
from typing import Any

import pytest

INSIST = os.environ.get("SIMCORE_EXTRAS", "0") not in ("", "0")
"""Set by CI, which installs all of it: then what is missing fails the tests."""


def needed(name: str) -> Any:
    """The module of that name; the test is left out where it is not installed, unless all of them are to run."""
    return importlib.import_module(name) if INSIST else pytest.importorskip(name)


def chromium() -> str:
    """The path of a Chromium; the test is left out where there is none, unless all of them are to run."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        assert not INSIST, "no Chromium is installed"
        pytest.skip("no Chromium is installed")
    return found
