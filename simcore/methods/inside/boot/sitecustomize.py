"""Started by `site` before any code of the user's, since its folder is first on PYTHONPATH; then it chains to the user's own.

It begins in the first Python of a run and in what `multiprocessing` starts below it, nowhere else.
"""

import os
import sys
import time

_BEGAN_NS, _BEGAN_CPU_NS = time.monotonic_ns(), time.process_time_ns()


def _start() -> None:
    folder, home = os.environ.get("SIMCORE_COMPARE"), os.environ.get("SIMCORE_HOME")
    if not folder or not home or sys.version_info < (3, 11) or sys.implementation.name != "cpython":
        return
    words = " ".join(sys.orig_argv)
    if "from multiprocessing.resource_tracker import main" in words:
        return
    child = "--multiprocessing-fork" in words or "from multiprocessing.forkserver import main" in words
    if not child:
        try:
            os.close(os.open(f"{folder}/claim", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError:
            return  # another Python was first, or the run has ended
    if "simcore" not in sys.modules:
        from importlib.util import module_from_spec, spec_from_file_location

        place = os.path.join(home, "simcore")
        spec = spec_from_file_location("simcore", os.path.join(place, "__init__.py"), submodule_search_locations=[place])
        if spec is None or spec.loader is None:
            return
        sys.modules["simcore"] = package = module_from_spec(spec)
        spec.loader.exec_module(package)
    from simcore.methods.inside import install

    install.boot(folder, began_ns=_BEGAN_NS, began_cpu_ns=_BEGAN_CPU_NS, child=child)


def _chain() -> None:
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
    _start()
except Exception as _error:
    os.write(2, f"error: simcore could not look into this program: {type(_error).__name__}: {_error}\n".encode())
    os._exit(125)
_chain()
