"""The plugin host: finds plugins, loads each by itself, and keeps what is wrong with one from costing anything but itself.

pluggy's own bulk loader lets an ImportError of one plugin through to all, and an exception from a hook call carries no plugin's
name. So entry points are loaded one by one, sorted; every implementation of a hook is registered by itself and called by itself.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from functools import partial
from importlib.metadata import Distribution, EntryPoint, entry_points
from inspect import signature
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import pluggy

from simcore import hookspecs
from simcore.api import PatternMark
from simcore.engine.bug_kind import BugKind, read_bug_kind
from simcore.engine.exporter import Exporter, read_exporter
from simcore.engine.finished import RunObserver, read_observer
from simcore.engine.pattern import NotAPattern, Pattern, definition_line, read_pattern
from simcore.engine.plugin_state import Draft, PluginState, file_of, mark_of, short, shown
from simcore.engine.probe import Probe, read_probe
from simcore.errors import PluginError, UnknownPattern, UsageError
from simcore.runtime import bind

_Given = TypeVar("_Given")

GROUP: Final = "simcore.plugins"
"""The entry-point group of all plugins, the built-in ones included."""

VARIABLE: Final = "SIMCORE_PLUGINS"
"""The environment variable that names single files, separated as in PATH."""

_MARKS: Final = {
    "simcore_patterns": "@pattern",
    "simcore_probes": "@probe",
    "simcore_exporters": "@exporter",
    "simcore_observers": "@observer",
    "simcore_bug_kinds": "@bug_kind",
}

_MOST_BUILT: Final = 10_000  # a hook that yields without end must not hang the host

__all__ = ["GROUP", "VARIABLE", "Pattern", "PluginHost", "PluginState"]


class PluginHost:
    """The plugins of this interpreter and of the files named, loaded when the host is made; it never changes afterwards.

    `files` and, with `env`, those in SIMCORE_PLUGINS are loaded after the entry points, which are the installed ones, none, or
    those given. Of two patterns with one name the first stays. Loading runs the plugins' code; what they print goes to stderr.
    Nothing that a plugin raises comes out, KeyboardInterrupt excepted.
    """

    def __init__(
        self,
        files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
        *,
        env: bool = True,
        entry_points: bool | Iterable[EntryPoint] = True,
    ) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._patterns: dict[str, Pattern] = {}
        self._left_out: dict[str, str] = {}
        self._probes: dict[str, Probe] = {}
        self._exporters: dict[str, Exporter] = {}
        self._observers: list[RunObserver] = []
        self._bug_kinds: list[BugKind] = []
        self._packages: dict[int, tuple[Distribution, str, str]] = {}
        drafts: list[Draft] = []
        asked_installed = entry_points is True
        with redirect_stdout(sys.stderr):
            for point in _sorted_points(entry_points, drafts):
                drafts.append(self._load_point(point))
            self._nothing_installed = asked_installed and not drafts
            by_path: dict[str, Draft] = {}
            named = [files] if isinstance(files, (str, os.PathLike)) else files
            for file in [*named, *(filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)) if env else ())]:
                path = os.path.realpath(file)
                if path in by_path:
                    by_path[path].problem("is given twice; it is loaded once", path)
                else:
                    by_path[path] = self._load_file(path)
                    drafts.append(by_path[path])
            for draft in drafts:
                self._collect(draft)
        self.plugins: Final[tuple[PluginState, ...]] = tuple(draft.state() for draft in drafts)
        self.patterns: Final[dict[str, Pattern]] = dict(sorted(self._patterns.items()))
        self.probes: Final[tuple[Probe, ...]] = tuple(self._probes[title] for title in sorted(self._probes))
        self.exporters: Final[dict[str, Exporter]] = dict(sorted(self._exporters.items()))
        self.observers: Final[tuple[RunObserver, ...]] = tuple(self._observers)
        self.bug_kinds: Final[tuple[BugKind, ...]] = tuple(self._bug_kinds)

    @property
    def advice(self) -> str:
        """What to do when no plugin is installed at all, else empty."""
        if not self._nothing_installed:
            return ""
        return (
            "no plugin is installed, not even simcore's own patterns: this simcore runs from a source tree. "
            "`pip install -e .` there installs them; --plugin FILE.py loads a single file"
        )

    def find(self, name: str) -> Pattern:
        """The pattern of that name. Raises: UnknownPattern; PluginError when the plugin that has it is broken."""
        if name in self.patterns:
            return self.patterns[name]
        if name in self._left_out:
            raise PluginError(self._left_out[name], f"`simcore plugins check {name}` shows more")
        for plugin in self.plugins:
            if plugin.name == name and plugin.state == "broken":
                raise PluginError(plugin.problems[0], f"`simcore plugins check {name}` shows more")
        near = get_close_matches(name.lower().replace("_", "-"), self.patterns, n=3, cutoff=0.55)
        broken = [plugin for plugin in self.plugins if plugin.state == "broken"]
        if near:
            hint = f"did you mean {' or '.join(near)}?"
        elif broken:  # it may well be the one that would have this pattern: above all when its file was named for this run
            plugin = max(broken, key=lambda plugin: bool(plugin.file))
            if plugin.file:
                raise PluginError(
                    plugin.problems[0], f"so there is no pattern {name!r}; `simcore plugins check {plugin.file}` shows more"
                )
            hint = f"`simcore list` shows all patterns; plugin {plugin.name!r} is broken: `simcore plugins check {plugin.name}`"
        else:
            hint = "`simcore list` shows all patterns"
        raise UnknownPattern(f"there is no pattern {name!r} among {len(self.patterns)}", self.advice or hint)

    def find_exporter(self, name: str) -> Exporter:
        """The exporter of that name. Raises: UsageError, with what is wrong with a plugin that may have it."""
        if name in self.exporters:
            return self.exporters[name]
        known = ", ".join(self.exporters) or "none"
        near = get_close_matches(name.lower(), self.exporters, n=1)
        broken = [plugin for plugin in self.plugins if plugin.problems]
        hint = f"did you mean --to {near[0]} ?" if near else broken[0].problems[0] if broken else self.advice
        raise UsageError(f"there is no format {name!r} to export to; there are {known}", hint)

    def find_plugin(self, word: str) -> PluginState:
        """The plugin of that name, or loaded from that file. Raises: UsageError."""
        for plugin in self.plugins:
            if word == plugin.name or (plugin.file and os.path.realpath(word) == plugin.file):
                return plugin
        near = get_close_matches(word, [plugin.name for plugin in self.plugins], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`simcore plugins` shows all; --plugin FILE.py loads a file"
        raise UsageError(f"there is no plugin {word!r} among {len(self.plugins)}", self.advice or hint)

    def _packaged(self, point: EntryPoint) -> tuple[str, str]:
        """Name and version of the distribution that has an entry point, read once for all that it has; empty without one."""
        if point.dist is None:
            return "", ""
        known = self._packages.get(id(point.dist))
        if known is None:
            known = self._packages[id(point.dist)] = (point.dist, point.dist.name, point.dist.version)
        return known[1:]

    def _load_point(self, point: EntryPoint) -> Draft:
        package, version = self._packaged(point)
        origin = f"{package} {version}" if package else point.value
        draft = Draft(point.name, version, origin, where=f"entry point {point.value}")
        with draft.guarded("does not import"):
            draft.plugin = point.load()
            draft.prefix = point.attr or ""
            module = sys.modules[point.module]
            draft.module, draft.where = module, getattr(module, "__file__", None) or draft.where
        return draft

    def _load_file(self, path: str) -> Draft:
        draft = Draft(Path(path).stem.replace("_", "-"), "", path, where=path, file=path)
        if not os.path.isfile(path):
            draft.problem("is a folder; expected a file" if os.path.isdir(path) else "there is no such file", path)
            return draft
        name, number = bind.module_name(path), 1
        while getattr(sys.modules.get(name), "__file__", path) != path:
            number += 1
            name = f"{bind.module_name(path)}_{number}"
        with _importable(os.path.dirname(path)), draft.guarded("does not import"):
            draft.plugin = draft.module = bind.load_file(path, name)
        return draft

    def _collect(self, draft: Draft) -> None:
        """Take the patterns and hooks of a plugin that was loaded."""
        if draft.plugin is None:
            return
        with draft.guarded("cannot be read"), _importable(os.path.dirname(draft.file)):
            for place, function, mark in draft.decorated():
                self._add(draft, function, mark, place)
            for attribute, name, function, options in draft.hooks(self._manager):
                self._hook(draft, attribute, name, function, options)
            if not (draft.patterns or draft.hooked or draft.problems):
                draft.problem("contributes nothing: no function of it is marked with @pattern or @hookimpl", draft.where)

    def _hook(self, draft: Draft, attribute: str, name: str, function: Callable[..., object], options: dict[str, object]) -> None:
        place = (file_of(function) or draft.where, definition_line(function))
        known = getattr(self._manager.hook, name, None)
        if known is None:
            if not options.get("optionalhook"):
                near = get_close_matches(name, vars(self._manager.hook), n=1)
                wanted = f"; did you mean {near[0]}?" if near else ""
                draft.problem(f"there is no hook {name} in version {hookspecs.API_VERSION} of the hooks{wanted}", *place)
            return
        if options.get("wrapper") or options.get("hookwrapper"):
            draft.problem(f"{attribute} is a hook wrapper; hooks are called one by one, there is nothing to wrap", *place)
            return
        own_name = f"{len(self._manager.get_plugins())} {draft.name} {attribute}"
        fits = all(
            parameter.default is not parameter.empty
            for parameter in signature(function).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY  # pluggy passes hook arguments by position only
        )
        try:
            if fits:
                self._manager.register(_OneHook(attribute, function), own_name)
        except pluggy.PluginValidationError:
            fits = False
        if not fits:
            offer = f"{name}{signature(getattr(hookspecs, name))}".partition(" ->")[0]
            draft.problem(f"{attribute}{signature(function)} does not fit the hook {offer}", *place)
            return
        problems_before = len(draft.problems)
        self._call(draft, attribute, own_name, known, place)
        draft.hooked = draft.hooked or len(draft.problems) == problems_before

    def _call(self, draft: Draft, attribute: str, own_name: str, known: pluggy.HookCaller, place: tuple[str, int]) -> None:
        """Call one implementation and take the patterns it returns."""
        (implementation,) = [one for one in known.get_hookimpls() if one.plugin_name == own_name]
        with draft.guarded(f"failed in {attribute}"):
            built = implementation.function()
            if built is None:
                return
            if isinstance(built, (str, bytes)) or not isinstance(built, Iterable):
                marked = _MARKS[known.name]
                draft.problem(f"{attribute} returned {short(built)}; expected functions marked with {marked}", *place)
                return
            adders = {
                "simcore_probes": self._add_probe,
                "simcore_exporters": self._add_exporter,
                "simcore_observers": self._add_observer,
                "simcore_bug_kinds": self._add_bug_kind,
            }
            if known.name in adders:
                for item in islice(built, _MOST_BUILT):
                    adders[known.name](draft, item, attribute, place)
                return
            for count, item in enumerate(islice(built, _MOST_BUILT + 1)):
                mark = mark_of(item)
                if count == _MOST_BUILT:
                    draft.problem(f"{attribute} returned more than {_MOST_BUILT} patterns; the rest is left out", *place)
                elif mark is None:
                    draft.problem(f"{attribute} returned {short(item)}; expected a function marked with @pattern", *place)
                else:
                    self._add(draft, item, mark, f"{draft.dotted(attribute)}{bind.BUILT}{mark.name}")

    def _add_probe(self, draft: Draft, item: object, attribute: str, place: tuple[str, int]) -> None:
        probe = _given(partial(read_probe, file=draft.file), draft, item, attribute, place)
        if probe is None:
            return
        if probe.title in self._probes:
            draft.problem(f"{attribute} has a probe {probe.title!r}, which is there already; this one is left out", *place)
            return
        self._probes[probe.title] = probe
        draft.probes.append(probe.title)

    def _add_exporter(self, draft: Draft, item: object, attribute: str, place: tuple[str, int]) -> None:
        exporter = _given(
            partial(read_exporter, plugin=draft.name, where=file_of(item) or draft.where), draft, item, attribute, place
        )
        if exporter is None:
            return
        first = self._exporters.get(exporter.name)
        if first is not None:
            whose = f"from plugin {first.plugin!r} ({shown(first.where)})"
            draft.problem(
                f"{attribute} has an exporter {exporter.name!r}, which is there already {whose}; this one is left out", *place
            )
            return
        self._exporters[exporter.name] = exporter
        draft.exporters.append(exporter.name)

    def _add_observer(self, draft: Draft, item: object, attribute: str, place: tuple[str, int]) -> None:
        observer = _given(
            partial(read_observer, plugin=draft.name, where=file_of(item) or draft.where), draft, item, attribute, place
        )
        if observer is None:
            return
        self._observers.append(observer)
        draft.observers.append(observer.name)

    def _add_bug_kind(self, draft: Draft, item: object, attribute: str, place: tuple[str, int]) -> None:
        kind = _given(
            partial(read_bug_kind, plugin=draft.name, where=file_of(item) or draft.where), draft, item, attribute, place
        )
        if kind is None:
            return
        self._bug_kinds.append(kind)
        draft.bug_kinds.append(kind.name)

    def _add(self, draft: Draft, function: object, mark: PatternMark, qualname: str) -> None:
        label = mark.name or qualname
        place = (file_of(function) or draft.where, definition_line(function))
        try:
            pattern = read_pattern(
                function,
                mark,
                qualname=qualname,
                module=draft.module.__name__ if draft.module else "",
                plugin=draft.name,
                plugin_version=draft.version,
                plugin_file=draft.file,
            )
        except NotAPattern as error:
            draft.problem(f"pattern {label!r} {error.reason}", place[0], error.line or place[1])
            self._left_out.setdefault(str(label), draft.problems[-1])
            return
        first = self._patterns.get(pattern.name)
        if first is not None:
            where = f"plugin {first.plugin!r} ({shown(first.file)}:{first.line})"
            draft.problem(f"pattern {pattern.name!r} is already there from {where}; this one is left out", *place)
            return
        self._patterns[pattern.name] = pattern
        draft.patterns.append(pattern)


class _OneHook:
    """What is registered with pluggy: one implementation of one hook, so that a wrong one costs no other."""

    def __init__(self, attribute: str, function: Callable[..., object]) -> None:
        setattr(self, attribute, function)


def _given(read: Callable[[object], _Given], draft: Draft, item: object, attribute: str, place: tuple[str, int]) -> _Given | None:
    """What a hook returned, read; None, and a problem of its plugin, where it is not what it should be."""
    try:
        return read(item)
    except ValueError as error:
        draft.problem(f"{attribute} returned {getattr(item, '__name__', short(item))}, which {error}", *place)
        return None


def _sorted_points(given: bool | Iterable[EntryPoint], drafts: list[Draft]) -> list[EntryPoint]:
    """The entry points to load, each once, by name. Metadata that cannot be read becomes a broken plugin in `drafts`."""
    points: Iterable[EntryPoint] = ()
    if given is True:
        draft = Draft("(installed)", "", "metadata of the installed packages", where="metadata of the installed packages")
        with draft.guarded("cannot be read"):
            points = list(entry_points(group=GROUP))
        if draft.problems:
            drafts.append(draft)
    elif given is not False:
        points = given
    once = {(point.name, point.value): point for point in points}
    return [once[key] for key in sorted(once)]


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    """Let a single file import its neighbours while it loads; at the end of the path, where the folder can shadow nothing."""
    if not folder:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        if folder in sys.path:
            del sys.path[len(sys.path) - 1 - sys.path[::-1].index(folder)]
