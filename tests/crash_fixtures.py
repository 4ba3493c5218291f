"""The pipe of the tests of crashes; those name this module in their `pytest_plugins`."""

from collections.abc import Iterator

import pytest
from crashing import Pipe


@pytest.fixture
def born() -> Iterator[Pipe]:
    """The pipe into which the program says that it runs."""
    pipe = Pipe("born")
    yield pipe
    pipe.close()
