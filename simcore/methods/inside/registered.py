"""What is registered in this process in places that cannot be asked, and what of the libraries was replaced."""

import codecs
import sys
from types import FunctionType, ModuleType
from typing import Any

searchers = 0
"""How many search functions of codecs the program has registered; a forked child has its parent's."""

_MOST = 50


def install() -> None:
    """Count what is registered from now on."""
    real_register, real_unregister = codecs.register, codecs.unregister

    def register(search_function: Any, /) -> None:
        global searchers
        real_register(search_function)
        searchers += 1

    def unregister(search_function: Any, /) -> None:
        global searchers
        real_unregister(search_function)
        searchers -= 1

    codecs.register, codecs.unregister = register, unregister


def replaced() -> list[str]:
    """Names in loaded libraries that hold a mock or a function of the user's: `time.strftime`."""
    from simcore.methods.reach import is_user_module, module_name

    mocks = getattr(sys.modules.get("unittest.mock"), "NonCallableMock", ())
    found: list[str] = []
    for name, module in list(sys.modules.items()):
        if type(module) is not ModuleType or name.startswith(("simcore", "unittest.mock", "multiprocessing")):
            continue
        own = is_user_module(name)
        for key, value in list(vars(module).items()):
            places = [(key, value)]
            if isinstance(value, type) and not own and value.__module__ == name:
                places += [(f"{key}.{inner}", part) for inner, part in list(vars(value).items())]
            for place, part in places:
                kind = type(part)
                mock = bool(mocks) and issubclass(kind, mocks)
                foreign = kind is FunctionType and not own and is_user_module(str(part.__module__))
                if mock or (foreign and not _is_main(name)):
                    found.append(f"{module_name(name)}.{place}")
                    if len(found) == _MOST:
                        return found
    return sorted(set(found))


def _is_main(name: str) -> bool:
    return name in ("__main__", "__mp_main__")


def counts() -> dict[str, int]:
    """Other registries, by their sizes."""
    copyreg = sys.modules.get("copyreg")
    return {
        "codecs": searchers,
        "copyreg reducers": len(copyreg.dispatch_table) if copyreg is not None else 0,
        "import finders": len(sys.meta_path),
        "import hooks": len(sys.path_hooks),
    }
