"""Tasks of pools and executors of processes: who was given which.

A task is put into the pool when its job is made, under the job's number, and got by each worker that takes it, or a part of it.
The pool's number travels to the workers with the queue that they take tasks from.
"""

from collections.abc import Callable
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import gate
from simcore.runtime.actors import acting
from simcore.runtime.frames import hide
from simcore.runtime.sites import site_of
from simcore.trace.events import Kind


def offer(queue: Any, number: int) -> None:
    """Let those who take tasks from this queue know whose they are."""
    actor = acting()
    if actor is not None and number:
        queue._reader.simcore_tasks = (number, actor.index)


def put(queue: Any, job: int) -> None:
    """A job is made; its tasks are put into this queue later."""
    actor = acting()
    number, creator = getattr(getattr(queue, "_reader", None), "simcore_tasks", (0, 0))
    if actor is not None and number:
        gate.current.give(actor, Kind.PUT, number, site_of(get_frame(2)), _tag(creator, job))
        gate.current.gave(actor)


def _tag(creator: int, job: int) -> int:
    return creator << 32 | (job + 1) & 0xFFFFFFFF


def working(real: Callable[..., None], job_of: Callable[[Any], int]) -> Callable[..., None]:
    """A worker's main function, whose first argument is the queue that it takes tasks from; `None` ends it."""

    def worker(queue: Any, *arguments: Any, **named: Any) -> None:
        number, creator = getattr(getattr(queue, "_reader", None), "simcore_tasks", (0, 0))
        try:
            if number:
                queue.get = _getting(queue.get, number, creator, job_of)
            real(queue, *arguments, **named)
        except BaseException as error:
            hide(error)
            raise

    return worker


def _getting(real: Callable[..., Any], number: int, creator: int, job_of: Callable[[Any], int]) -> Callable[..., Any]:
    def get(*arguments: Any, **named: Any) -> Any:
        try:
            task = real(*arguments, **named)
            actor = acting()
            if task is not None and actor is not None:
                tag = _tag(creator, job_of(task))
                told = gate.current.read(actor, Kind.GET, number, site_of(get_frame(1)), lambda: tag)
                gate.current.must(actor, told == tag, "another task came")
            return task
        except BaseException as error:
            hide(error)
            raise

    return get
