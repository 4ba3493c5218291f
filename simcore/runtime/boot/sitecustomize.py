"""Started by `site` before any code of the user's, since its folder is first on PYTHONPATH; then it chains to the user's own.

It finds simcore by the path in the environment instead of `sys.path`, so that a simcore installed elsewhere (pipx) can record a
program that runs in another virtual environment.
"""

import os
import sys


def _simcore_start() -> None:
    folder = os.environ.get("SIMCORE_RUN")
    home = os.environ.get("SIMCORE_HOME")
    if not folder or not home:
        return
    pid = str(os.getpid()).encode()
    try:
        claim = os.open(f"{folder}/claim", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(claim, pid)
        os.close(claim)
    except FileExistsError:
        with open(f"{folder}/claim", "rb") as file:
            if file.read() != pid:  # the same pid: the program has replaced itself by exec
                return
    except OSError:
        return  # the run's folder is gone: its controller has ended
    if "simcore" not in sys.modules:
        from importlib.util import module_from_spec, spec_from_file_location

        place = os.path.join(home, "simcore")
        spec = spec_from_file_location("simcore", os.path.join(place, "__init__.py"), submodule_search_locations=[place])
        if spec is None or spec.loader is None:
            return
        sys.modules["simcore"] = package = module_from_spec(spec)
        spec.loader.exec_module(package)
    import simcore.runtime.forks  # before anything imports threading
    from simcore.runtime.install import boot

    boot(folder, os.environ.get("SIMCORE_MODE", "free"))


def _simcore_chain() -> None:
    """Run the `sitecustomize` that the program would have had without us."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_simcore_start()
_simcore_chain()
