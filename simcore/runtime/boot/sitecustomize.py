"""Started by `site` before any code of the user's, since its folder is first on PYTHONPATH; then it chains to the user's own.

It finds simcore by the path in the environment instead of `sys.path`, so that a simcore installed elsewhere (pipx) can record a
program that runs in another virtual environment. Where the user has no `sitecustomize`, there is none to be seen afterwards
either.
"""

import os
import sys
import time

_BEGAN_NS, _BEGAN_CPU_NS = time.monotonic_ns(), time.process_time_ns()
_EXIT_INTERNAL = 125


def _simcore_start() -> None:
    folder = os.environ.get("SIMCORE_RUN")
    home = os.environ.get("SIMCORE_HOME")
    looker = os.environ.get("SIMCORE_LOOKER")  # a module of simcore that looks at the program instead of recording it
    if looker and home and sys.version_info >= (3, 11) and sys.implementation.name == "cpython":
        _load(home)
        __import__(looker, fromlist=["boot"]).boot(began_ns=_BEGAN_NS, began_cpu_ns=_BEGAN_CPU_NS)
        return
    if not folder or not home or not (os.environ.get("SIMCORE_ACTOR") or _is_ours(folder)):
        return
    if sys.version_info < (3, 11) or sys.implementation.name != "cpython":
        return  # it runs as it is, and a Python below it may be the one to record
    _load(home)
    from simcore.runtime import forks

    forks.install()  # before anything imports threading
    from simcore.runtime.install import boot

    boot(folder, os.environ.get("SIMCORE_MODE", "free"))


def _load(home: str) -> None:
    """Have `simcore` from this place, wherever `sys.path` leads."""
    if "simcore" not in sys.modules:
        from importlib.util import module_from_spec, spec_from_file_location

        place = os.path.join(home, "simcore")
        spec = spec_from_file_location("simcore", os.path.join(place, "__init__.py"), submodule_search_locations=[place])
        if spec is None or spec.loader is None:
            raise ImportError(f"there is no simcore in {home}")
        sys.modules["simcore"] = package = module_from_spec(spec)
        spec.loader.exec_module(package)


def _is_ours(folder: str) -> bool:
    """Whether this process is the one to record: the first that starts in the run, and what it replaces itself with by exec."""
    pid = str(os.getpid()).encode()
    try:
        claim = os.open(f"{folder}/claim", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(claim, pid)
        os.close(claim)
    except FileExistsError:
        with open(f"{folder}/claim", "rb") as file:
            return file.read() == pid
    except OSError:
        return False  # the run's folder is gone: its controller has ended
    return True


def _simcore_chain() -> None:
    """Run the `sitecustomize` that the program would have had without us. Raises: ImportError as if ours were not there."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    sys.path_importer_cache.pop(here, None)
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")  # `site` expects and ignores it
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


try:
    _simcore_start()
except Exception as _error:
    # The families may be half in place: neither a plain run nor a recorded one can come of it.
    os.write(2, f"error: recording could not start in this program: {type(_error).__name__}: {_error}\n".encode())
    os._exit(_EXIT_INTERNAL)
_simcore_chain()
