"""`python -m simcore.runtime.pattern module|file WHERE QUALNAME PARAMS [ARGS]`: runs a function by its names.

This is the main module of a recorded pattern.
"""

import os
import sys


def main() -> None:
    """Find the function, give it its parameters, call it; a thread that failed fails the whole."""
    from json import loads

    how, where, qualname, params, *rest = sys.argv[1:]
    sys.argv[:] = [where, *rest]
    from simcore.runtime.bind import bind, find, load_file

    if how == "file":
        sys.path.append(os.path.dirname(os.path.abspath(where)))  # last: its neighbours must not shadow the standard library
        module = load_file(where)
    else:
        from importlib import import_module

        module = import_module(where)
    if module.__file__ is not None:
        from simcore.runtime import segment
        from simcore.runtime.segment import TAG_PROCESS

        root = os.path.dirname(os.path.abspath(module.__file__))
        segment.current.define(
            TAG_PROCESS, "root", root
        )  # so that a trace names the pattern's file alike wherever it is installed
    function = find(module, qualname)
    function(**bind(function, loads(params)))
    from simcore.runtime.threads import failures

    if failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
