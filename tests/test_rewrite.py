"""A rewritten module does what its source says, in the same order, with the same errors at the same places."""

import pytest
from rewrite_programs import PROGRAMS, run


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_rewritten_program_does_the_same(name: str) -> None:
    """Output, order of evaluation, errors and tracebacks with their carets are those of the program as it is."""
    plain = run(PROGRAMS[name], rewritten=False)
    ran = run(PROGRAMS[name], rewritten=True)
    assert ran.spots
    assert ran.lines == plain.lines


@pytest.mark.parametrize("name", PROGRAMS)
def test_debuggers_see_the_same_lines(name: str) -> None:
    """Calls, lines and returns come in the same order."""
    plain = run(PROGRAMS[name], rewritten=False, traced=True)
    ran = run(PROGRAMS[name], rewritten=True, traced=True)
    assert ran.steps == plain.steps
