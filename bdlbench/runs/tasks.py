"""The tasks: problems with their evaluation sets, budgets and default hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bdlbench import registry
from bdlbench.data import shared
from bdlbench.data.examples import Examples, split_validation
from bdlbench.errors import BdlbenchError
from bdlbench.problem import Budget
from bdlbench.settings import Setting, shown

SPLITS = ("test", "validation")
Settings = Mapping[str, Mapping[str, Setting]]
Load = Callable[[str, str], Examples]  # a split of a data set, given by its plugin's name

# Selected by `bdlbench tune … --trials 10`, by the NLL on the validation split; all trials are in
# results/tuning/. Other hyperparameters have the sampler's defaults.
DIGITS: Settings = {
    "sgd": {"batch_size": 32, "learning_rate": 0.146},
    "sgld": {"batch_size": 32, "step_size": 2.92e-4},
    "psgld": {"batch_size": 32, "step_size": 3e-4},
    "hmc": {"target_accept_prob": 0.629},
    "nuts": {"target_accept_prob": 0.629},
    "mc-dropout": {"batch_size": 32, "dropout": 0.1},
    "sghmc": {"batch_size": 32, "step_size": 5.84e-5},
    "csgld": {"batch_size": 32, "step_size": 4.38e-4},
    "deep-ensemble": {"batch_size": 32, "learning_rate": 0.2},
    "swag": {"batch_size": 32, "learning_rate": 0.026, "constant_rate": 0.201},
    "laplace": {"batch_size": 32, "learning_rate": 0.26},
    "sgd-covariance": {"batch_size": 32, "damping": 0.39},
}
MNIST_1K: Settings = {
    "sgd": {"batch_size": 32, "learning_rate": 0.195},
    "sgld": {"batch_size": 32, "step_size": 5.19e-4},
    "psgld": {"batch_size": 32, "step_size": 5.84e-4},
    "hmc": {"target_accept_prob": 0.629},
    "nuts": {"target_accept_prob": 0.673},
    "mc-dropout": {"batch_size": 32, "learning_rate": 0.195, "dropout": 0.0443},
    "sghmc": {"batch_size": 32, "step_size": 4.38e-5},
    "csgld": {"batch_size": 32, "step_size": 4.38e-4},
    "deep-ensemble": {"batch_size": 32, "learning_rate": 0.292},
    "swag": {"batch_size": 32, "learning_rate": 0.195, "constant_rate": 0.0156},
    "laplace": {"batch_size": 32, "learning_rate": 0.462},
    "sgd-covariance": {"batch_size": 32, "damping": 0.39},
}
MNIST: Settings = {
    "sgd": {"learning_rate": 0.389},
    "sgld": {"step_size": 1e-5},
    "psgld": {"step_size": 1e-5},
    "hmc": {"target_accept_prob": 0.935},
    "mc-dropout": {"learning_rate": 0.26, "dropout": 0.0905},
    "deep-ensemble": {"learning_rate": 0.462},
    "swag": {"learning_rate": 0.0462, "constant_rate": 0.336},
}


@dataclass(frozen=True)
class Task:
    """A problem plus its evaluation.

    Args:
        name: Name on the command line.
        dataset: Data set of training and test images.
        ood: OOD data sets.
        model: Name of the shared model.
        budget: Epochs, draws and burn-in, the same for every sampler.
        prior_std: Standard deviation of the prior on every weight and bias.
        train_size: Number of training images, the first of the data set; None for all.
        settings: Default hyperparameters by sampler.
        seeds: Default number of seeds: as many as two samplers take a minute for, but at least 3.
    """

    name: str
    dataset: str
    ood: tuple[str, ...]
    model: str
    budget: Budget
    prior_std: float = 0.1**0.5
    train_size: int | None = None
    settings: Settings = field(default_factory=dict)
    seeds: int = 3


TASKS = {
    task.name: task
    for task in (
        Task(
            name="digits",
            dataset="digits",
            ood=("letters",),
            model="mlp-50",
            budget=Budget(epochs=100, draws=100, burn_in=0.25),
            settings=DIGITS,
            seeds=10,
        ),
        Task(
            name="mnist-1k",
            dataset="mnist",
            ood=("notmnist", "mnist-letters"),
            model="mlp-50",
            budget=Budget(epochs=100, draws=100, burn_in=0.25),
            train_size=1000,
            settings=MNIST_1K,
        ),
        Task(
            name="mnist",
            dataset="mnist",
            ood=("notmnist", "mnist-letters"),
            model="mlp-400-400",
            budget=Budget(epochs=32, draws=64, burn_in=0.5),
            prior_std=0.03**0.5,
            settings=MNIST,
        ),
    )
}
"""By name, the smallest task first."""


def budget_of(task: Task) -> str:
    """Describe the task's budget; the number of draws only if it is not the default."""
    default = TASKS[task.name].budget
    draws = "" if task.budget.draws == default.draws else f", {task.budget.draws} draws"
    return f"{task.budget.epochs:g} epochs{draws}"


def get(name: str) -> Task:
    """Return the task of this name.

    Raises:
        BdlbenchError: No such task exists.
    """
    if not isinstance(name, str):
        raise BdlbenchError(f"task: expected a name, got {shown(name)}")
    if name not in TASKS:
        raise BdlbenchError(f"no task {name!r}{registry.nearest(name, list(TASKS))}")
    return TASKS[name]


def training_images(task: Task, split: str, folders: Sequence[Path]) -> Examples:
    """Return the training images: all of them, or the first 90 % for the validation split."""
    return _training_images(task, split, _loader(folders))


def evaluation_images(task: Task, split: str, folders: Sequence[Path]) -> dict[str, Examples]:
    """Return the evaluation sets, by name.

    For ``test``, the test set and every OOD set. For ``validation``, only the last 10 % of the
    training data, so that hyperparameters are never tuned on data of a reported result.
    """
    return _evaluation_images(task, split, _loader(folders))


def evaluation_size(task: Task, split: str) -> int:
    """Return the number of evaluation inputs that are shared, without reading them."""
    if split == "validation":
        return shared.count("train", task.dataset) // 10
    return sum(shared.count("test", name) for name in (task.dataset, *task.ood))


def fingerprints(task: Task, split: str, folders: Sequence[Path]) -> dict[str, str]:
    """Return the SHA-256 of the training and evaluation sets, by name."""
    return identify(task, split, folders)[0]


def identify(
    task: Task, split: str, folders: Sequence[Path]
) -> tuple[dict[str, str], dict[tuple[str, str], Examples]]:
    """Load the data of a task.

    Returns:
        The SHA-256 of the training and evaluation sets, by name; and the data sets that they are
        taken from, by split and name.
    """
    loaded: dict[tuple[str, str], Examples] = {}

    def once(split: str, name: str) -> Examples:
        if (split, name) not in loaded:
            loaded[split, name] = load(split, name, folders)
        return loaded[split, name]

    parts = {
        "train": _training_images(task, split, once),
        **_evaluation_images(task, split, once),
    }
    return {name: part.sha256 for name, part in parts.items()}, loaded


def load(split: str, name: str, folders: Sequence[Path]) -> Examples:
    """Load a split of a data set, given by its plugin's name."""
    cached = shared.find(split, name)
    if cached is not None:
        return cached
    images = registry.load("datasets", name)().load(split, folders)
    assert isinstance(images, Examples)
    return images


def _loader(folders: Sequence[Path]) -> Load:
    return lambda split, name: load(split, name, folders)


def _training_images(task: Task, split: str, load: Load) -> Examples:
    images = load("train", task.dataset)
    if split == "validation":
        images, _ = split_validation(images)
    return images[: task.train_size]


def _evaluation_images(task: Task, split: str, load: Load) -> dict[str, Examples]:
    if split == "validation":
        return {split: split_validation(load("train", task.dataset))[1]}
    names = {split: task.dataset} | {name: name for name in task.ood}
    return {key: load("test", name) for key, name in names.items()}
