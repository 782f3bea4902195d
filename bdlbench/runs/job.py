"""A run to be executed, as it is sent to a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bdlbench.data.images import search_folders
from bdlbench.metrics import scores
from bdlbench.records.record import Configuration, Record, Sampler


@dataclass(frozen=True)
class Job:
    """A run to be made; it is all that is sent to a worker.

    Args:
        run: Name of the run.
        reference: Name or file of the sampler.
        sampler: What the record says of the sampler.
        task: Name of the task.
        seed: Seed of the run's random numbers.
        configuration: What else determines the run, as in the record.
        data: SHA-256 of the data sets that the run's name was made from.
        results: Folder of the results.
        folders: Folders searched for data first.
        module: What all processes of such runs may share, imported once; empty for foreign code.
    """

    run: str
    reference: str
    sampler: Sampler
    task: str
    seed: int
    configuration: Configuration
    data: dict[str, str]
    results: Path
    folders: tuple[Path, ...] = ()
    module: str = ""

    def record(self, **outcome: Any) -> Record:
        """Return the record of the run from its outcome; its predictions are not yet written."""
        return Record(
            run=self.run,
            task=self.task,
            sampler=self.sampler,
            seed=self.seed,
            configuration=self.configuration,
            data=self.data,
            scoring=scores.VERSION,
            predictions_sha256="",
            **outcome,
        )

    @property
    def search_folders(self) -> tuple[Path, ...]:
        """The folders searched for data: as planned, and those of the executing machine."""
        return tuple(dict.fromkeys((*self.folders, *search_folders())))
