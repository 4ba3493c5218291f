"""Two programs joined by a pipe, as a shell does with `|`, and one that writes when nobody reads any more."""

import subprocess
import sys

from simcore.api import pattern

COUNT = "import sys\nsys.stdout.write('\\n'.join(map(str, range(int(sys.argv[1])))))"
ADD = "import sys\nprint(sum(map(int, sys.stdin)))"
TALK = "import sys\nprint('first line', flush=True)\nsys.stdin.readline()\nprint('second line', flush=True)"
HEAD = "import sys\nprint(sys.stdin.readline().strip())"


def start(program: str, *words: str, stdin: int) -> "subprocess.Popen[str]":
    """A Python program that reads from there and whose output can be read."""
    command = [sys.executable, "-c", program, *words]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def follow(first: "subprocess.Popen[str]", program: str) -> "subprocess.Popen[str]":
    """A program that reads what the first one writes."""
    assert first.stdout is not None
    second = start(program, stdin=first.stdout.fileno())
    first.stdout.close()  # ours is a copy: while it is open, the first one is not told that nobody reads any more
    return second


@pattern(section="3", title="two programs joined by a pipe", title_ja="subprocess（Popenをパイプで連結）")
def subprocess_pipeline(numbers: int = 1000) -> None:
    """The output of one program is the input of the next; both run at the same time.

    Look at the two processes: neither waits for the other's end, what the first has written the second can read. `communicate`
    reads while it waits: with `wait` alone a program that writes more than a pipe holds, 64 KiB, would wait for a reader, and its
    parent for its end. The second reader ends after one line, as `head -1` does: the writer learns it by a BrokenPipeError when
    it writes the next one, but only because the parent has closed its own copy of the pipe.
    """
    counter = start(COUNT, str(numbers), stdin=subprocess.DEVNULL)
    total, _ = follow(counter, ADD).communicate()
    assert total.strip() == str(sum(range(numbers))), f"the sum is {total}"
    assert counter.wait() == 0, f"the counter ended with {counter.returncode}"
    print(f"the sum of {numbers} numbers is {total.strip()}")

    talker = start(TALK, stdin=subprocess.PIPE)
    line, _ = follow(talker, HEAD).communicate()
    assert line == "first line\n", f"the reader read {line!r}"
    assert talker.stdin is not None
    assert talker.stderr is not None
    with talker.stdin, talker.stderr:
        talker.stdin.write("go on\n")
        talker.stdin.flush()
        complaint = talker.stderr.read()
    assert talker.wait() != 0, "the writer did not notice that nobody reads"
    assert "BrokenPipeError" in complaint, f"the writer said {complaint}"
    if counter.stderr:
        counter.stderr.close()
    print("the reader stopped after one line, and the writer noticed")
