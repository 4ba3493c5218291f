"""Fixtures for pytest, for those who ask for them: `pytest_plugins = ["simcore.pytest_plugin"]` in conftest.py.

It is no entry point on purpose: pytest would then rewrite the asserts of all of simcore in every run of every project, and
complain in each recorded one, where simcore is loaded before pytest is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from simcore.engine import Replay
    from simcore.trace.model import Trace


@pytest.fixture
def simcore_record(tmp_path: Path) -> Callable[..., Trace]:
    """`simcore.testing.record`, its traces in the test's own folder: pytest keeps those of the last runs."""
    from simcore.testing import record

    return partial(record, folder=tmp_path / "traces")


@pytest.fixture
def simcore_replay() -> Callable[..., Replay]:
    """`simcore.testing.replay`."""
    from simcore.testing import replay

    return replay
