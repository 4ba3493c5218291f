"""Plugins that are one file, and a host that has them beside the built-in ones."""

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

from simcore.engine.plugins import GROUP, PluginHost, PluginState

ROOT = Path(__file__).parent.parent
ALL_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
POINTS = {name: value for name, value in ALL_POINTS.items() if value.startswith("simcore_patterns.")}
BUILT_IN = [EntryPoint(name, value, GROUP) for name, value in POINTS.items()]

GOOD = """
from simcore.api import pattern

@pattern(section="mine")
def ring_of_threads(seats: int = 3) -> None:
    '''A ring. Look at it.'''
"""


def host_of(*files: Path | str) -> PluginHost:
    """A host with the built-in patterns and these files, whatever the environment says."""
    return PluginHost(files, env=False, entry_points=BUILT_IN)


def state_of(host: PluginHost, name: str = "ring") -> PluginState:
    """What became of the plugin under test; all others are untouched."""
    others = [plugin for plugin in host.plugins if plugin.name != name]
    assert {plugin.name for plugin in others} >= set(POINTS)
    assert all(plugin.state == "ok" for plugin in others), [plugin.problems for plugin in others]
    assert set(POINTS) <= set(host.patterns)
    return host.find_plugin(name)
