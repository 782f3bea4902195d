"""A task: a problem plus what it is judged on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bdlbench.data.set_names import IN_DISTRIBUTION, SHIFT
from bdlbench.errors import BdlbenchError
from bdlbench.posterior.likelihoods import Categorical, Kind, Likelihood
from bdlbench.problem import Budget
from bdlbench.records.record import Record
from bdlbench.runs.recorded_likelihood import of_configuration
from bdlbench.settings import Setting, positive, shown

SPLITS = IN_DISTRIBUTION
Settings = Mapping[str, Mapping[str, Setting]]
DataSet = Any
"""A data set: the name or file of a plugin, with settings, or an object with ``load``."""


@dataclass(frozen=True)
class Task:
    """A problem plus its evaluation.

    Args:
        name: Name on the command line and in records.
        dataset: Data set of the training and test examples: the name or the file of a plugin, such
            as ``mnist`` or ``./mine.py:size=32``, or an object with ``load(split, folders)``.
        model: The model: a name, such as ``mlp-50``, a file, or an object with
            ``build(input_shape, outputs)``.
        budget: Epochs, draws and burn-in, the same for every sampler.
        likelihood: log p(y∣x, θ) as a function of the model's outputs.
        ood: OOD data sets, by name; or a sequence of data sets that are named by themselves.
        shift: Shifted test sets with labels, likewise.
        prior_std: Standard deviation of the prior on every parameter.
        train_size: Number of training examples, the first of the data set; None for all.
        settings: Default hyperparameters by sampler.
        seeds: Default number of seeds: as many as two samplers take a minute for, but at least 3.

    Raises:
        BdlbenchError: A field is invalid.
    """

    name: str
    dataset: DataSet
    model: Any
    budget: Budget
    likelihood: Likelihood = field(default_factory=Categorical)
    ood: Mapping[str, DataSet] | Sequence[str] = ()
    shift: Mapping[str, DataSet] | Sequence[str] = ()
    prior_std: float = 0.1**0.5
    train_size: int | None = None
    settings: Settings = field(default_factory=dict)
    seeds: int = 3

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", self.name):
            raise BdlbenchError(f"task: expected a name such as my-task, got {shown(self.name)}")
        if not isinstance(self.budget, Budget):
            raise BdlbenchError(f"{self.name}: expected a Budget, got {shown(self.budget)}")
        positive(f"{self.name}: prior_std", self.prior_std)
        _check_likelihood(self.name, self.likelihood)
        for kind in ("ood", "shift"):
            named = _by_name(f"{self.name}: {kind}", getattr(self, kind))
            object.__setattr__(self, kind, named)

    @property
    def kind(self) -> Kind:
        """``classes``, or ``real`` for regression."""
        return self.likelihood.kind

    @property
    def ood_names(self) -> tuple[str, ...]:
        """The names of the OOD sets."""
        return tuple(self.ood)

    @property
    def sets(self) -> dict[str, DataSet]:
        """The evaluation sets besides the test set, by their names in predictions."""
        ood: Any = self.ood  # by name, after __post_init__
        shift: Any = self.shift
        return {**ood, **{SHIFT + name: each for name, each in shift.items()}}


def _check_likelihood(task: str, given: Any) -> None:
    if isinstance(given, type) or not hasattr(given, "kind"):
        expected = "a likelihood, such as Gaussian(noise_std=0.5)"
        raise BdlbenchError(f"{task}: expected {expected}, got {shown(given)}")
    order = type(given).__mro__
    places = {name: i for name in ("log_prob", "slope") for i, each in reversed([*enumerate(order)])
              if name in vars(each)}  # fmt: skip
    if places.get("slope", 0) > places.get("log_prob", 0):
        raise BdlbenchError(
            f"{task}: {type(given).__name__} has a log_prob of its own, but the slope of "
            f"{order[places['slope']].__name__}; add slope = None for autograd"
        )


def _by_name(where: str, given: Any) -> dict[str, DataSet]:
    """Return data sets by name."""
    if isinstance(given, str) or not isinstance(given, Mapping | Sequence):
        raise BdlbenchError(f"{where}: expected data sets by name, got {shown(given)}")
    if not isinstance(given, Mapping):
        for each in given:
            if not isinstance(each, str):
                raise BdlbenchError(f'{where}: expected {{"name": data set}}, got {shown(each)}')
        given = {re.sub("[^a-z0-9]+", "-", each.removesuffix(".py")).strip("-"): each
                 for each in given}  # fmt: skip
    for name in given:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}", name) or name in (*SPLITS, "train"):
            raise BdlbenchError(f"{where}: expected a name such as letters, got {shown(name)}")
        if name.startswith(SHIFT):
            raise BdlbenchError(f"{where}: expected a name without {SHIFT}, got {name}")
    return dict(given)


def of_record(record: Record) -> Task:
    """Return what a record says about its task, for tasks that cannot be loaded."""
    made = record.configuration
    names = [name for name in record.data if name not in (*SPLITS, "train")]
    likelihood: Any = of_configuration(made)
    return Task(
        record.task,
        dataset=record.task,
        model=made.model,
        budget=Budget(made.epochs, made.draws, made.burn_in),
        likelihood=likelihood,
        ood=[name for name in names if not name.startswith(SHIFT)],
        shift=[name.removeprefix(SHIFT) for name in names if name.startswith(SHIFT)],
        prior_std=made.prior_std,
    )
