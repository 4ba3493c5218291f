"""What a fork means for the recorder.

Installed before `threading` is imported, so that these hooks run behind all others before a fork, and before all others after it.
At first a forked child is nobody: it works on the raw primitives and never touches the parent's segment. Who calls `os.fork` then
lets it begin as an actor of its own (`processes/forking.py`); a child that is forked in C stays nobody, and is noted.
"""

import os
from functools import partial
from operator import methodcaller
from typing import Any

from simcore.runtime import actors, originals, segment
from simcore.runtime.actors import Actor, here, tls
from simcore.runtime.segment import TAG_NOTE
from simcore.trace.events import Kind


class _Moment(originals.local):
    """Per thread what is to be done at the very moment of its fork."""

    at_fork: Any = int


_moment = _Moment()


def arm(actor: Actor, kind: Kind, object_id: int, site: int, value: int) -> None:
    """Let this record of the actor be committed, and stamped, at the moment of this thread's next fork.

    A forked child has the memory of that moment: what other threads did until then is behind it, also what they did since the
    fork was asked for. All is done in C, so no other thread comes between the stamp and the fork.
    """
    _moment.at_fork = actors.ready(actor, kind, object_id, site, value)


def disarm() -> None:
    """Behind the fork, or where none came about: the record is there either way."""
    _moment.at_fork()
    _moment.at_fork = int


def forget() -> None:
    """In the forked child: the record is its parent's."""
    _moment.at_fork = int


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
    os.register_at_fork(before=partial(methodcaller("at_fork"), _moment))
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
