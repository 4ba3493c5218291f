"""Families of replaced primitives that processes share, and how a child process comes to be recorded.

Each is installed when its module is imported. Locks that `multiprocessing` makes while it is imported are its own business.
"""

from collections.abc import Callable
from typing import Any

from simcore.runtime.patches import Patches


def steps(patches: Patches) -> dict[str, Callable[[Any], None]]:
    """What is to be done behind the import of which module."""
    return {
        "multiprocessing.context": lambda module: _method().install(patches, module),
        "subprocess": lambda module: _subprocesses().install(patches, module),
        "multiprocessing.process": lambda module: _children().install_process(patches, module),
        "multiprocessing.popen_fork": lambda module: _children().install_popen(patches, module),
        "multiprocessing.spawn": lambda module: _children().install_spawn(patches, module),
        "multiprocessing.resource_tracker": lambda module: _children().install_tracker(patches, module),
        "multiprocessing.forkserver": lambda module: _children().install_forkserver(patches, module),
        "multiprocessing.heap": lambda module: _shared().install_heap(patches, module),
        "multiprocessing.shared_memory": lambda module: _blocks().install(patches, module),
        "multiprocessing.sharedctypes": lambda module: _shared().install(patches, module),
        "multiprocessing.synchronize": lambda module: _semaphores().install(patches, module),
        "multiprocessing.connection": lambda module: _install_connections(patches, module),
        "multiprocessing.queues": lambda module: _queues().install(patches, module),
        "multiprocessing.pool": lambda module: _pools().install(patches, module),
        "multiprocessing.managers": lambda module: _managers().install(patches, module),
        "concurrent.futures.process": lambda module: _executors().install(patches, module),
        "multiprocessing.resource_sharer": lambda module: _connections().install_sharer(patches, module),
    }


def _blocks() -> Any:
    from simcore.runtime.processes import blocks

    return blocks


def _children() -> Any:
    from simcore.runtime.processes import children

    return children


def _connections() -> Any:
    from simcore.runtime.processes import connections

    return connections


def _executors() -> Any:
    from simcore.runtime.processes import executors

    return executors


def _install_connections(patches: Patches, module: Any) -> None:
    from simcore.runtime.processes import connections, listeners

    connections.install(patches, module)
    listeners.install(patches, module)


def _managers() -> Any:
    from simcore.runtime.processes import managers

    return managers


def _method() -> Any:
    from simcore.runtime.processes import method

    return method


def _pools() -> Any:
    from simcore.runtime.processes import pools

    return pools


def _queues() -> Any:
    from simcore.runtime.processes import queues

    return queues


def _semaphores() -> Any:
    from simcore.runtime.processes import semaphores

    return semaphores


def _shared() -> Any:
    from simcore.runtime.processes import shared

    return shared


def _subprocesses() -> Any:
    from simcore.runtime.processes import subprocesses

    return subprocesses
