"""What a fork means for the recorder.

Installed before `threading` is imported, so that this hook runs before `threading`'s own in the child. At first a forked child is
nobody: it works on the raw primitives and never touches the parent's segment. Who calls `os.fork` then lets it begin as an actor
of its own (`processes/forking.py`); a child that is forked in C stays nobody, and is noted.
"""

import os

from simcore.runtime import segment
from simcore.runtime.actors import here, tls
from simcore.runtime.segment import TAG_NOTE


def _note() -> None:
    """Count the child: it is outside of our control."""
    segment.current.define(TAG_NOTE, "child process", "")


def _before() -> None:
    actor = here()
    if actor is not None:
        if not actor.raw:
            _note()
        actor.raw += 1  # whatever the other hooks do, in whichever process, is not the program's doing


def _after_in_parent() -> None:
    actor = here()
    if actor is not None:
        actor.raw -= 1


def _after_in_child() -> None:
    if hasattr(tls, "actor"):
        del tls.actor


def install() -> None:
    """Register the hooks; they cannot be taken back, and do nothing where there is no actor."""
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
