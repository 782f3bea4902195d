"""A run to execute, as it is sent to a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bdlbench.data.examples import search_folders
from bdlbench.metrics import scores
from bdlbench.records.record import Configuration, Record, Sampler


@dataclass(frozen=True)
class Job:
    """A run to execute: all that a worker receives.

    Args:
        run: Name of the run.
        reference: Name or file of the sampler.
        sampler: The sampler, as in the record.
        task: Name of the task.
        seed: Random seed.
        configuration: Everything else that determines the run, as in the record.
        data: SHA-256 of the data sets, by name, when the job was planned.
        results: Folder of the results.
        folders: Folders searched for data first.
        module: Module of a built-in sampler, imported once for all its runs; else empty.
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
        """Return the record with this outcome, before the predictions are stored."""
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
        """The folders searched for data: those of the job, then those of this machine."""
        return tuple(dict.fromkeys((*self.folders, *search_folders())))
