"""Adds reference recordings for the running Python, with simcore installed.

`python traces/make.py NAME [-p NAME=VALUE] [--start-method METHOD]`

A recording that is there is never made again: a pattern that changed gets a new one beside the old. What is this machine's alone
(folders, the interpreter's path, the commit) is taken out.
"""

import sys
from dataclasses import replace
from pathlib import Path

import simcore
from simcore.engine.parameters import split_assignments
from simcore.trace.events import FORMAT_VERSION

HERE = Path(__file__).resolve().parent


def main(name: str, *words: str) -> None:
    """Record one pattern and note in MANIFEST.md how."""
    options = list(words)
    method = None
    if "--start-method" in options:
        at = options.index("--start-method")
        _, method = options[at : at + 2]
        del options[at : at + 2]
    params = split_assignments([word for word in options if word != "-p"])
    trace = simcore.record(name, params=params, quiet=True, switch_interval_s=1e-5, start_method=method)
    header = trace.header
    scenario = replace(header.scenario, cwd="")
    header = replace(header, scenario=scenario, root="", executable="python", git_commit="", git_dirty=False)
    folder = HERE / f"v{FORMAT_VERSION}" / header.minor
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + len(list(folder.glob(f"{name}-*.simtrace")))
    path = folder / f"{name}-{number}.simtrace"
    assert trace.path is not None
    trace.path.unlink()
    replace(trace, header=header).save(path)
    with (HERE / "MANIFEST.md").open("a", encoding="utf-8") as manifest:
        shown = " ".join(
            [*(f"-p {key}={value}" for key, value in params.items()), *(["--start-method", method] if method else [])]
        )
        line = f"{path.relative_to(HERE)} | `simcore record {name} {shown}".rstrip()
        manifest.write(f"| {line}` at a switch interval of 10 us | {len(trace)} | {trace.outcome.word} |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
