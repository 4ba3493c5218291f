"""`simcore plugins`: every plugin with its state; `check` says whether patterns can be relied on, `new` writes one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich_click import RichCommand, RichGroup

from simcore.cli import console
from simcore.cli.options import common, plugin_option
from simcore.cli.progress import progress
from simcore.errors import ExitCode, UnknownPattern, UsageError

if TYPE_CHECKING:
    from simcore.engine.plugins import PluginHost, PluginState

_RUNS: Final = 5


class _Words(RichGroup):
    """A group that says in our words which it has."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-"):
            raise UsageError(
                f"plugins has no word {args[0]!r}; expected check or new", f"`simcore plugins check {args[0]}` looks at that one"
            )
        return super().resolve_command(ctx, args)


@click.group(cls=_Words, invoke_without_command=True)
@plugin_option
@common
@click.pass_context
def command(ctx: click.Context, plugins: Sequence[str], as_json: bool) -> int:
    """List all plugins with their state: ok, warning (some of it does not work), broken.

    `simcore plugins check FILE` runs what one contributes and says what cannot be relied on; `simcore plugins new my-pattern`
    writes a pattern with its tests.

    \b
    Examples:
      simcore plugins
      simcore plugins --plugin ring.py
    """
    from simcore.engine.plugins import PluginHost
    from simcore.views.plugins import plugin_facts, plugins_view

    ctx.obj = (tuple(plugins), as_json)
    if ctx.invoked_subcommand is not None:
        return ExitCode.YES
    host = PluginHost(plugins)
    if as_json:
        console.answer_json({"plugins": [plugin_facts(plugin) for plugin in host.plugins]})
    else:
        console.answer(plugins_view(host.plugins, host.advice))
    return ExitCode.YES


@command.command(cls=RichCommand, name="check")
@click.argument("names", nargs=-1, metavar="[FILE|PLUGIN|PATTERN]...")
@click.option(
    "--times",
    type=click.IntRange(min=0),
    default=_RUNS,
    show_default=True,
    metavar="N",
    help="Record and replay N times under each start method; 0 only loads the plugin.",
)
@click.option("-p", "parameters", metavar="NAME=VALUE", multiple=True, help="Set a parameter of the pattern; may be repeated.")
@click.option("--start-method", type=click.Choice(["fork", "spawn", "forkserver"]), help="Only this one, of those that apply.")
@plugin_option
@common
@click.pass_context
def check(
    ctx: click.Context,
    names: Sequence[str],
    times: int,
    parameters: Sequence[str],
    start_method: str | None,
    plugins: Sequence[str],
    as_json: bool,
) -> int:
    """Run patterns, record and replay them, and say what is not deterministic, at which line, and what to do.

    Replays are disturbed on purpose: objects get other addresses, directories are listed in another order. Without a name all
    plugins are loaded, and no pattern is run.

    Ends with 0 when all is well, 1 when a pattern is not deterministic or ends otherwise than it declares, 4 when a plugin has
    problems.

    \b
    Examples:
      simcore plugins check ring.py --times 2
      simcore plugins check simple-thread --times 0
    """
    from simcore.engine.parameters import split_assignments
    from simcore.engine.plugins import PluginHost
    from simcore.kit.check import check_pattern, methods_of
    from simcore.views.check import check_view, checked_facts
    from simcore.views.plugins import plugin_facts, plugin_view

    given, wanted_json = ctx.obj
    plugins, as_json = (*given, *plugins), as_json or wanted_json
    files = [name for name in names if name.endswith(".py") or os.sep in name]
    for file in files:
        if not os.path.isfile(file):
            what = "is a folder, expected a file" if os.path.isdir(file) else "does not exist"
            raise UsageError(f"{file} {what}", "name a plugin's file, a plugin or a pattern: `simcore plugins` lists them")
    known = {os.path.realpath(plugin) for plugin in plugins}
    plugins = [*plugins, *dict.fromkeys(file for file in files if os.path.realpath(file) not in known)]
    host = PluginHost(plugins)
    patterns, chosen = [], list(host.plugins) if not names else []
    for name in dict.fromkeys(names):
        if name in host.patterns:
            patterns.append(host.patterns[name])
            chosen += [plugin for plugin in host.plugins if host.patterns[name] in plugin.patterns]
        else:
            chosen.append(_plugin(host, name))
            patterns += chosen[-1].patterns
    chosen = list({plugin.name + plugin.file: plugin for plugin in chosen}.values())
    params = split_assignments(parameters)
    if params and len(patterns) != 1:
        raise UsageError(
            f"-p {next(iter(params))} was given for {len(patterns)} patterns, expected one", "name the pattern: check PATTERN"
        )
    runs = [(pattern, method) for pattern in patterns if times for method in methods_of(pattern, start_method)]
    for pattern, _ in runs:
        pattern.choose(params)
    checked = []
    with progress(len(runs) * times) as advance:
        for pattern, method in runs:
            checked.append(check_pattern(pattern, method, params=params, plugins=plugins, times=times, each_run=advance))
    if as_json:
        facts = {"plugins": [plugin_facts(plugin) for plugin in chosen], "checked": [checked_facts(one) for one in checked]}
        console.answer_json(facts)
    else:
        for plugin in chosen:
            if plugin.problems or not checked or not plugin.patterns:
                console.answer(plugin_view(plugin))
        if checked:
            console.answer(check_view(checked, times))
    if any(plugin.problems for plugin in chosen):
        return ExitCode.PLUGIN
    return ExitCode.NO if any(one.findings for one in checked) else ExitCode.YES


def _plugin(host: PluginHost, name: str) -> PluginState:
    """The plugin of that name or file. Raises: UsageError; PluginError for a pattern that was left out."""
    try:
        return host.find_plugin(name)
    except UsageError:
        with suppress(UnknownPattern):
            host.find(name)
        raise


@command.command(cls=RichCommand, name="new")
@click.argument("name")
@click.option("--package", is_flag=True, help="Write a package that can be installed, in a folder of its own.")
@common
@click.pass_context
def new(ctx: click.Context, name: str, package: bool, as_json: bool) -> int:
    """Write a pattern that works, with its tests, into this folder: my_pattern.py, or with --package the folder my-pattern.

    Nothing is overwritten. Change what was written into the pattern that you want.

    \b
    Examples:
      simcore plugins new my-pattern
      simcore plugins new my-other-pattern --package
    """
    from rich.text import Text

    from simcore.engine.plugins import PluginHost
    from simcore.kit.new import new_file, new_package
    from simcore.trace.text import clean

    given, wanted_json = ctx.obj
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        raise UsageError("the working directory does not exist any more", "change to one that does") from None
    written = (new_package if package else new_file)(name, folder, PluginHost(given))
    shown = [os.path.relpath(path) for path in written]
    tries = (
        [f"python -m pip install -e ./{name}", f"simcore record {name}", f"python -m pytest {name}"]
        if package
        else [f"simcore record --plugin {shown[0]} {name}", f"python -m unittest {written[1].stem}"]
    )
    tries.append(f"simcore plugins check {shown[0]}")
    if as_json or wanted_json:
        console.answer_json({"name": name, "files": shown, "next": tries})
        return ExitCode.YES
    text = Text()
    for label, lines in (("wrote", shown), ("next", tries)):
        for number, line in enumerate(lines):
            text.append(f"{'' if number else label:<7}", style="dim").append(f"{clean(line)}\n")
    text.rstrip()
    console.answer(text)
    return ExitCode.YES
