"""The start method that a scenario asks for: `multiprocessing`'s default, below whatever the program itself asks for.

`set_start_method` may still be called, and `get_context` with a name is what it names.
"""

import os
from typing import Any

from simcore.runtime.patches import Patches

VARIABLE = "SIMCORE_START_METHOD"


def install(patches: Patches, module: Any) -> None:
    """Behind the import of `multiprocessing.context`: let the scenario's method be the one that the platform would choose."""
    context = module._concrete_contexts.get(os.environ.get(VARIABLE))
    if context is not None:
        patches.set(module._default_context, "_default_context", context)
