"""Two programs joined by a pipe, as a shell does with `|`."""

import subprocess
import sys

from simcore.api import pattern

COUNT = "import sys\nfor n in range(int(sys.argv[1])): print(n)"
ADD = "import sys\nprint(sum(map(int, sys.stdin)))"
STOP = "import sys\nprint(sys.stdin.readline().strip())"


def joined(numbers: int, last: str) -> tuple[str, int]:
    """What the last program says about the first one's numbers, and the first one's exit code."""
    first = subprocess.Popen([sys.executable, "-c", COUNT, str(numbers)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    second = subprocess.Popen([sys.executable, "-c", last], stdin=first.stdout, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    first.stdout.close()  # ours is a copy: while it is open, the first one is not told that nobody reads any more
    answer, _ = second.communicate()
    return answer.strip(), first.wait()


@pattern(section="3", title="two programs joined by a pipe", title_ja="subprocess（Popenをパイプで連結）")
def subprocess_pipeline(numbers: int = 1000, many: int = 50000) -> None:
    """The output of one program is the input of the next; both run at the same time.

    Look at the two processes: neither waits for the other's end, what the first has printed the second can read. `communicate`
    reads while it waits: with `wait` alone a program that prints more than a pipe holds, 64 KiB, would wait for a reader, and its
    parent for its end. The second time the reader stops after one line: the writer learns it by a failing write, as in
    `yes | head -1`, but only because the parent has closed its copy of the pipe.
    """
    total, code = joined(numbers, ADD)
    assert (total, code) == (str(sum(range(numbers))), 0), f"{total}, exit code {code}"
    print(f"the sum of {numbers} numbers is {total}")
    assert many >= 20000, "fewer numbers than that fit into a pipe, and the writer would not notice"
    line, code = joined(many, STOP)
    assert line == "0", f"the reader read {line}"
    assert code != 0, "the writer did not notice that nobody reads"
    print("the reader stopped after one line, and the writer noticed")
