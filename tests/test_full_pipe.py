"""A write that waits for the reader of its pipe keeps nobody from his turn in a replay."""

import pytest
from programs import assert_same, record, replay

JOINED = """
import subprocess, sys

writer = subprocess.Popen([sys.executable, "-c", {writer!r}], stdout=subprocess.PIPE)
reader = subprocess.Popen([sys.executable, "-c", {reader!r}], stdin=writer.stdout)
writer.stdout.close()
print(reader.wait(), writer.wait())
"""

ONE_WRITE = "import sys; sys.stdout.write('x' * 300_000); sys.stdout.flush()"
MANY_WRITES = "for n in range(40): print(str(n) * 4000)"
STEP_BY_STEP = "import sys\nprint(sys.stdin.read(1))\nprint(len(sys.stdin.read()))"
LINE_BY_LINE = "import sys\nfor line in sys.stdin: print(len(line), flush=True)"


@pytest.mark.parametrize(("writer", "reader"), [(ONE_WRITE, STEP_BY_STEP), (MANY_WRITES, LINE_BY_LINE)], ids=["one", "many"])
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_more_is_written_than_the_pipe_holds(writer: str, reader: str, unbuffered: str) -> None:
    """The reader has events before it has read all: it gets its turns while the writer waits for room."""
    settings = {"PYTHONUNBUFFERED": unbuffered}
    trace, ran = record(JOINED.format(writer=writer, reader=reader), env=settings)
    assert ran.code == 0
    assert ran.out.endswith(b"0 0\n")
    answer, again = replay(trace, env=settings)
    assert_same(answer)
    assert again == ran
