"""`python -m simcore.runtime.pattern module|file WHERE QUALNAME PARAMS [ARGS]`: runs a function by its names.

This is the main module of a recorded pattern. A child process that is not forked runs it again under another name, before it
looks for the functions that it is to call: of a pattern from a single file nothing else would bring them.
"""

import os
import sys

_FILE = "SIMCORE_PATTERN_FILE"
"""The environment variable that tells child processes which file the pattern came from."""


def main() -> None:
    """Find the function, give it its parameters, call it; a thread that failed fails the whole."""
    from json import loads

    how, where, qualname, params, *rest = sys.argv[1:]
    sys.argv[:] = [where, *rest]
    from simcore.runtime.bind import bind, find, load_file

    if how == "file":
        where = os.path.abspath(where)  # for child processes, too, wherever they work
        os.environ[_FILE] = where
        sys.path.append(os.path.dirname(where))  # last: its neighbours must not shadow the standard library
        module = load_file(where)
    else:
        from importlib import import_module

        module = import_module(where)
    from simcore.runtime import segment

    if module.__file__ is not None and hasattr(segment, "current"):  # else nothing records
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


def bring_file() -> None:
    """Load the file of the pattern in a child process, if it came from one."""
    where = os.environ.get(_FILE)
    if where:
        from simcore.runtime.bind import load_file, module_name

        if module_name(where) not in sys.modules:
            load_file(where)


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__":
    bring_file()
