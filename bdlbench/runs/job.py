"""A run to execute, as it is sent to a worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bdlbench import at_hand
from bdlbench.data.examples import search_folders
from bdlbench.metrics import scores
from bdlbench.posterior.models import Model
from bdlbench.records.record import Configuration, Record, Sampler
from bdlbench.runs import chosen_models, tasks
from bdlbench.runs.task import Task


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
        task_reference: Name, file or reference of the task, as for `tasks.get`.
        model_reference: Name, file or reference of the model; empty for the task's.
        carried: Pickles of classes and tasks at hand, by reference.
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
    task_reference: str = ""
    model_reference: str = ""
    carried: dict[str, bytes] = field(default_factory=dict)

    def load_task(self) -> Task:
        """Return the task."""
        at_hand.receive(self.carried)
        return tasks.get(self.task_reference or self.task)

    def load_model(self, task: Task) -> Model:
        """Return the model, an object with ``build(input_shape, outputs)``, of the loaded task."""
        return chosen_models.find(self.model_reference or task.model)

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
