"""A disk that is full is told as that, in one line: it is neither a mistake of simcore nor of the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_programs import ROOT

MOUNT = ["unshare", "-rm", "sh", "-c"]


def may_mount() -> bool:
    """Whether this machine lets us have a disk of our own, so small that it can be filled."""
    try:
        return subprocess.run([*MOUNT, "mount -t tmpfs none /mnt"], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not may_mount(), reason="no mount namespace is to be had here")
def test_a_disk_that_fills_up_is_named(tmp_path: Path) -> None:
    """With room for a folder or two: where simcore itself fails to write, and where the program's recorder did."""
    (tmp_path / "disk").mkdir()
    script = "\n".join(
        [
            'mount -t tmpfs -o size=64k none disk && cd disk && head -c "$1"k /dev/zero > fill',
            'shift && "$@" && exit 99; code=$?; ls -A .simtraces/.runs 2>/dev/null | grep run-; exit $code',
        ]
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}
    for filled, message in ((56, "there is no room: No space left on device"), (52, "nothing was recorded: the disk of ")):
        command = [*MOUNT, script, "-", str(filled), sys.executable, "-m", "simcore", "record", "mutex", "-p", "rounds=1"]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 125, ran
        error, hint = ran.stderr.splitlines()
        assert error.startswith(f"error: {message}")
        assert hint.startswith("hint: make room ")
        assert "run-" not in ran.stdout
