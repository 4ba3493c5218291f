"""`python -m simcore.runtime.pattern module|file WHERE QUALNAME PARAMS [ARGS]`: runs a function by its names, inside the recorded process."""

import sys


def main() -> None:
    """Find the function, give it its parameters, call it; a thread that failed fails the whole."""
    from json import loads

    how, where, qualname, params, *rest = sys.argv[1:]
    sys.argv[:] = [where, *rest]
    from simcore.runtime.bind import bind, find, load_file

    if how == "file":
        import os

        sys.path.append(os.path.dirname(os.path.abspath(where)))  # last: its neighbours must not shadow the standard library
        module = load_file(where)
    else:
        from importlib import import_module

        module = import_module(where)
    function = find(module, qualname)
    function(**bind(function, loads(params)))
    from simcore.runtime.threads import failures

    if failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
