"""Reads what all processes of a run wrote, as if one had written it: actors, objects and sites have numbers of the whole run."""

import re
from pathlib import Path

from simcore.engine.family import process_runs
from simcore.engine.records import Records
from simcore.engine.segments import Definitions, SegmentReader, Wait

_MAIN = "main"


class RunReader:
    """The segments of a run, one for each process; see `SegmentReader`, whose methods mean the same here.

    `definitions.process` is what the first process said of itself, `processes` what each did, by name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._main = SegmentReader(folder)
        self._others: dict[str, SegmentReader] = {}
        self._union = Definitions()

    def _readers(self) -> list[SegmentReader]:
        return [self._main, *self._others.values()]

    def _find(self) -> None:
        """Take in the processes that have begun since the last look."""
        try:
            found = sorted(path.stem for path in self.folder.glob("*.names"))
        except OSError:
            return  # somebody has deleted the folder
        for name in found:
            if name != _MAIN and name not in self._others:
                self._others[name] = SegmentReader(self.folder, name)

    @property
    def beginnings(self) -> int:
        """How often processes have replaced themselves by exec, all together."""
        return sum(reader.beginnings for reader in self._readers()) - len(self._others)

    @property
    def definitions(self) -> Definitions:
        """What was written once, by all processes, as of the last refresh."""
        return self._union if self._others else self._main.definitions

    @property
    def processes(self) -> dict[str, dict[str, str]]:
        """What each process said of itself, by its name."""
        found = [reader.definitions.process for reader in self._readers()]
        named = {process.get("name", _MAIN): process for process in found if process}
        return {name: named[name] for name in sorted(named, key=_natural)}

    @property
    def records(self) -> dict[int, Records]:
        """The committed records of each actor."""
        if not self._others:
            return self._main.records
        return {actor: records for reader in self._readers() for actor, records in reader.records.items()}

    def running(self) -> list[int]:
        """The pids of the recorded processes that still run."""
        self._find()
        for reader in self._readers():
            reader.refresh_definitions()
        pids = [int(said["pid"]) for said in self.processes.values() if "pid" in said]
        return [pid for pid in pids if process_runs(self.folder, pid)]

    def exists(self) -> bool:
        """Whether the first process has come as far as recording."""
        return self._main.exists()

    def close(self) -> None:
        """Close the files; what was read stays."""
        for reader in self._readers():
            reader.close()

    def refresh_definitions(self) -> Definitions:
        """Read the definitions written since the last call."""
        self._find()
        parts = [reader.refresh_definitions() for reader in self._readers()]
        if self._others:
            self._union = _union(parts)
        return self.definitions

    def find_chunks(self) -> None:
        """Take in the chunks that were begun since the last call, without reading their records."""
        for reader in self._readers():
            reader.find_chunks()

    def refresh_records(self) -> int:
        """Read the records committed since the last call; how many there were."""
        return sum(reader.refresh_records() for reader in self._readers())

    def cut_at_loss(self) -> None:
        """See `SegmentReader.cut_at_loss`: each process that gave up is cut for itself."""
        for reader in self._readers():
            if reader.definitions.detached:
                reader.cut_at_loss()

    def heads(self) -> dict[int, tuple[int, Wait]]:
        """Per actor its process phase and what it waits for now."""
        return {actor: head for reader in self._readers() for actor, head in reader.heads().items()}


def _natural(name: str) -> list[tuple[int, str]]:
    """`main.2` before `main.10`, whichever was found first."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _union(parts: list[Definitions]) -> Definitions:
    whole = Definitions(process=parts[0].process)
    for part in parts:
        for index, known in part.actors.items():
            # A parent knows its child's name before the child has said who it is, and what the program calls it.
            given = whole.actors.get(index, known)[1]
            if known[2] or index not in whole.actors:
                whole.actors[index] = (known[0], given or known[1], known[2])
        whole.sites.update(part.sites)
        whole.texts.update(part.texts)
        whole.spots.update(part.spots)
        whole.words.update(part.words)
        whole.errors += part.errors
        whole.notes += part.notes
        whole.divergence = whole.divergence or part.divergence
        whole.detached = whole.detached or part.detached
    return whole
