"""The verbs and their lazy loading: `simcore --help` imports none of them, a verb only itself."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Final

import click
from rich_click import RichCommand, RichGroup

from simcore.cli import console
from simcore.cli.options import no_color_option, usage_error

VERBS: Final = {
    "list": "The patterns, a line each, and where each comes from.",
    "info": "What a pattern teaches, its parameters and their defaults.",
    "plugins": "Every plugin with its state; a broken one with file and line.",
    "record": "Run a pattern or a program and record who did what to whom, when.",
    "show": "A trace: its summary, then who did what when.",
    "replay": "Run a trace again under its recorded order and check every event.",
    "diff": "Where and how two runs part.",
    "races": "Accesses to shared data that nothing orders, and what they can cost.",
    "export": "A trace in the format of another program: Perfetto, Chrome, JSON lines, Parquet.",
    "report": "A trace, or two, in one HTML file that opens anywhere.",
    "locks": "Deadlocks that did not strike, but can.",
    "compare": "What changes for a program under fork, spawn and forkserver.",
    "preflight": "What another start method would change, foretold from one run under fork.",
    "demo": "Record, replay and diff a pattern, each step explained.",
}


def verb_of(name: str) -> click.Command:
    """The command of a verb, whose module is imported for it."""
    command = import_module(f"simcore.cli.{name}").command
    assert isinstance(command, click.Command)
    return command


class Verbs(RichGroup):
    """A group whose commands are modules of `simcore.cli`, imported when asked for by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        if _shows_help(ctx):
            # Only its line in the list is wanted.
            return self.commands[cmd_name]
        return verb_of(cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        ctx.meta["simcore.verb"] = args[0]
        if args[0] not in VERBS and not args[0].startswith("-"):
            raise usage_error(f"there is no verb `{args[0]}`; there are {', '.join(VERBS)}", args[0], VERBS)
        return super().resolve_command(ctx, args)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code. Raises whatever the verb raises."""
    if "_SIMCORE_COMPLETE" in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(_group(False), {}, "simcore", "_SIMCORE_COMPLETE", os.environ["_SIMCORE_COMPLETE"])
    console.allow_colour()
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
    without = console.NO_COLOUR_OPTION in ours or bool(os.environ.get("NO_COLOR"))
    group = _group(without)
    with group.make_context("simcore", list(arguments)) as context:
        code = group.invoke(context)
    return int(code) if isinstance(code, int) else 0


def _group(without_colour: bool) -> Verbs:
    """The command `simcore`; help is printed by rich_click, which must be told about colour before it prints."""
    settings: dict[str, object] = {"help_option_names": ["-h", "--help"]}
    if without_colour:
        settings["rich_help_config"] = {"color_system": None}
    group = Verbs(
        name="simcore",
        commands={verb: RichCommand(name=verb, help=line) for verb, line in VERBS.items()},
        callback=_without_verb,
        invoke_without_command=True,
        context_settings=settings,
        params=[
            click.Option(
                ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
            ),
        ],
        help="Record concurrent Python programs, replay them deterministically, see where two runs part.",
        epilog="Start with `simcore demo`, then `simcore record -- python your_program.py`.",
    )
    return no_color_option()(group)


@click.pass_context
def _without_verb(ctx: click.Context) -> int:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    return 0


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from platform import python_implementation, python_version

        from simcore import __version__
        from simcore.engine.interpreter import core_name

        click.echo(f"simcore {__version__} ({python_implementation()} {python_version()}, {core_name()})")
        ctx.exit()


def _shows_help(ctx: click.Context) -> bool:
    return "simcore.verb" not in ctx.meta
