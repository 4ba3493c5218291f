"""A process that becomes two: `os.fork` returns twice."""

import os
import sys

from simcore.api import pattern


@pattern(section="2", title="os.fork by hand: one call, two returns", title_ja="PIDのチェック（Unix系）", start_methods=["fork"])
def os_fork(exit_code: int = 7) -> None:
    """`os.fork` makes a copy of the process that calls it; it returns 0 in the copy and the copy's pid in the original.

    Look at the first event of `main.1`: it goes on behind the same call as its parent, with all that the parent has, in memory of
    its own. The child adds to the list, and the parent's list stays as it was. The text that waits in the buffer of stdout is
    copied, too: without the `flush` it would be written twice. A child that nobody waits for stays in the table of processes:
    `waitpid` reads its exit code and takes it out. Only Unix has `fork`: Windows never had it, macOS no longer starts processes
    by it unless told to, nor does Python 3.14 on Linux.
    """
    parent = os.getpid()
    pages = ["mine"]
    print(f"before: {pages}", flush=True)
    child = os.fork()
    if child == 0:
        pages.append("the child's")
        known = os.getpid() != parent and os.getppid() == parent
        print(f"in the child: {pages}", flush=True)
        os._exit(exit_code if known else 1)  # not sys.exit: what the parent wanted done at its end is not the child's business
    pid, status = os.waitpid(child, 0)
    assert pid == child
    assert os.waitstatus_to_exitcode(status) == exit_code, f"the child ended with {os.waitstatus_to_exitcode(status)}"
    assert pages == ["mine"], f"the child's page is here: {pages}"
    sys.stdout.write(f"in the parent: {pages}; the child ended with exit code {exit_code}\n")
