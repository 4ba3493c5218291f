"""Another program: run, its output captured, its failure noticed."""

import subprocess
import sys

from simcore.api import pattern

SHOUT = "import sys; print(sys.stdin.read().upper(), end='')"
FAIL = "import sys; print('no such thing', file=sys.stderr); sys.exit(int(sys.argv[1]))"


@pattern(section="3", title="subprocess.run: output captured, failure noticed", title_ja="subprocess（run）")
def subprocess_run(text: str = "quiet", exit_code: int = 3) -> None:
    """`subprocess.run` starts another program and waits for it.

    Look at the new process in the trace: it shares nothing with its parent but the pipes to its input and output, and what it
    prints comes back as the result because of `capture_output`. A program that fails is no exception by itself: without
    `check=True` its exit code is one more number that nobody may look at. The arguments are a list and no line for a shell, so
    nothing in them can be taken for a command.
    """
    assert exit_code, "a failure has an exit code that is not 0"
    done = subprocess.run([sys.executable, "-c", SHOUT], input=text, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (text.upper(), ""), f"it said {done.stdout!r}"
    print(f"{text!r} came back as {done.stdout!r}")

    failing = [sys.executable, "-c", FAIL, str(exit_code)]
    unnoticed = subprocess.run(failing, capture_output=True, text=True)
    assert unnoticed.returncode == exit_code, f"it ended with {unnoticed.returncode}"
    noticed: subprocess.CalledProcessError | None = None
    try:
        subprocess.run(failing, capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        noticed = error
    assert noticed is not None, "a failure was not noticed"
    assert (noticed.returncode, noticed.stderr) == (exit_code, "no such thing\n")
    print(f"with check=True: exit code {noticed.returncode}, and it says {noticed.stderr.strip()!r}")
