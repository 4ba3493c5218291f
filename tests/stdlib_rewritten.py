"""Runs CPython's own tests of one module of the standard library, which is rewritten or not.

`stdlib_rewritten.py heapq rewritten`, `marked` (with marks) or `plain`, prints as JSON which modules were rewritten, how many
attributes and items they read, and how each test ended. To be run in a process of its own.
"""

import builtins
import json
import os
import sys
import unittest
import warnings
from collections.abc import Callable
from typing import Any

SUITES = {
    "json": ["test.test_json"],
    "heapq": ["test.test_heapq"],
    "textwrap": ["test.test_textwrap"],
    "difflib": ["test.test_difflib"],
    "argparse": ["test.test_argparse"],
    "dataclasses": ["test.test_dataclasses"],
    "collections": [
        "test.test_collections",
        "test.test_ordered_dict",
        "test.test_userdict",
        "test.test_userlist",
        "test.test_userstring",
    ],
    "functools": ["test.test_functools"],
}
"""The modules, and the tests of each."""


class Outcomes(unittest.TestResult):
    """How each test ended."""

    def __init__(self) -> None:
        super().__init__()
        self.of: dict[str, str] = {}
        self.told: dict[str, str] = {}

    def addSuccess(self, test: Any) -> None:
        self.of.setdefault(test.id(), "passed")

    def addError(self, test: Any, err: Any) -> None:
        self.of[test.id()] = "failed"
        self.told[test.id()] = self._exc_info_to_string(err, test)  # type: ignore[attr-defined]

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.addError(test, err)

    def addSkip(self, test: Any, reason: str) -> None:
        self.of[test.id()] = "skipped"


def main(module: str, how: str, with_tests: str = "") -> None:
    suites = SUITES[module]
    rewritten, accesses = [], [0]
    if how != "plain":
        from rewriting import Mark

        from simcore.runtime.access.loader import install
        from simcore.runtime.access.plainly import hooks
        from simcore.runtime.access.spots import Spot

        spots: list[Spot] = []

        def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def called(*arguments: Any) -> Any:
                accesses[0] += 1
                return function(*arguments)

            return called if name.endswith(("load_attr__", "load_item__")) else function

        def register(path: str, found: Any) -> int:
            rewritten.append(path)
            spots.extend(found)
            return len(spots) - len(found)

        def said(way: object, spot: int) -> None:
            accesses[0] += 1

        Mark.said = staticmethod(said)
        vars(builtins).update({name: counted(name, function) for name, function in hooks(spots).items()})
        roots = (module, *(suites if with_tests else ()))
        install(
            lambda name, path: any(name == root or name.startswith(f"{root}.") for root in roots),
            register,
            Mark if how == "marked" else None,
        )
    for name in list(sys.modules):
        if name.partition(".")[0] == module:
            del sys.modules[name]
    outcomes = Outcomes()
    warnings.simplefilter("ignore")
    with open(os.devnull, "w") as nowhere:
        out, sys.stdout, sys.stderr = sys.stdout, nowhere, nowhere
        unittest.defaultTestLoader.loadTestsFromNames(suites).run(outcomes)
        sys.stdout, sys.stderr = out, sys.__stderr__
    print(json.dumps({"rewritten": rewritten, "accesses": accesses[0], "outcomes": outcomes.of, "told": outcomes.told}))


if __name__ == "__main__":
    main(*sys.argv[1:])
