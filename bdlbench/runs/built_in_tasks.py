"""The tasks that come with bdlbench, with the default hyperparameters of the samplers."""

from __future__ import annotations

from dataclasses import replace

from bdlbench.posterior.likelihoods import Bernoulli, Heteroscedastic, LearntGaussian
from bdlbench.problem import Budget
from bdlbench.runs.task import Settings, Task

ANGLES = (15, 30, 45, 60)  # degrees, of rotated test sets
NOISE = (5, 10, 20)  # percent, of white noise; MNIST-1D has 2
# Selected by `bdlbench tune … --trials 10`, small data with `--seeds 3`, by the NLL on the
# validation split; all trials are in results/tuning/. Other hyperparameters have the sampler's
# defaults.
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
    "temperature-scaling": {"batch_size": 32, "learning_rate": 0.146},
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
    "temperature-scaling": {"batch_size": 32, "learning_rate": 0.26},
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
DIABETES: Settings = {
    "sgd": {"batch_size": 16, "learning_rate": 0.0073},
    "sgld": {"batch_size": 16, "step_size": 2.6e-4},
    "psgld": {"batch_size": 16, "step_size": 8.21e-4},
    "hmc": {"target_accept_prob": 0.935},
    "mc-dropout": {"batch_size": 16, "learning_rate": 0.26, "dropout": 0.0905},
    "sghmc": {"batch_size": 16, "step_size": 5.19e-5},
    "deep-ensemble": {"batch_size": 16, "learning_rate": 0.462},
    "swag": {"batch_size": 16, "learning_rate": 0.411, "constant_rate": 0.00934},
}
WINE: Settings = {
    "sgd": {"batch_size": 16, "learning_rate": 0.411},
    "sgld": {"batch_size": 16, "step_size": 0.00146},
    "psgld": {"batch_size": 16, "step_size": 0.0026},
    "hmc": {"target_accept_prob": 0.935},
    "mc-dropout": {"batch_size": 16, "learning_rate": 0.411, "dropout": 0.031},
    "sghmc": {"batch_size": 16, "step_size": 3.89e-4},
    "deep-ensemble": {"batch_size": 16, "learning_rate": 0.411},
    "swag": {"batch_size": 16, "learning_rate": 0.0231, "constant_rate": 0.336},
}
GAP: Settings = {
    "sgd": {"batch_size": 16, "learning_rate": 0.0411},
    "sgld": {"batch_size": 16, "step_size": 4.62e-4},
    "psgld": {"batch_size": 16, "step_size": 4.38e-4},
    "hmc": {"target_accept_prob": 0.891},
    "mc-dropout": {"batch_size": 16, "learning_rate": 0.0411, "dropout": 0.0633},
    "sghmc": {"batch_size": 16, "step_size": 9.24e-5},
    "deep-ensemble": {"batch_size": 16, "learning_rate": 0.0974},
    "swag": {"batch_size": 16, "learning_rate": 0.0411, "constant_rate": 0.026},
}
BREAST_CANCER: Settings = {  # untuned
    "sgd": {"batch_size": 16, "learning_rate": 0.05},
    "sgld": {"batch_size": 16, "step_size": 5e-4},
}


_TABLE = Task(
    name="wine",
    dataset="wine",
    model="mlp-20",
    budget=Budget(epochs=200, draws=100, burn_in=0.25),
    settings=WINE,
    seeds=10,
)
_DIGITS = Task(
    name="digits",
    dataset="digits",
    ood=("letters",),
    model="mlp-50",
    budget=Budget(epochs=100, draws=100, burn_in=0.25),
    settings=DIGITS,
    seeds=10,
)
_MNIST = Task(
    name="mnist",
    dataset="mnist",
    ood=("notmnist", "mnist-letters"),
    model="mlp-400-400",
    budget=Budget(epochs=32, draws=64, burn_in=0.5),
    prior_std=0.03**0.5,
    settings=MNIST,
)


def _rotated(task: Task, data: str) -> Task:
    """Return a task with test images that are rotated by more and more, as shifted test sets."""
    shift = {f"rotated-{angle}": f"{data}:degrees={angle}" for angle in ANGLES}
    return replace(task, name=data, shift=shift)


TASKS = {
    task.name: task
    for task in (
        _TABLE,
        replace(
            _TABLE,
            name="breast-cancer",
            dataset="breast-cancer",
            likelihood=Bernoulli(),
            settings=BREAST_CANCER,
        ),
        replace(
            _TABLE,
            name="diabetes",
            dataset="diabetes",
            likelihood=LearntGaussian(),
            settings=DIABETES,
        ),
        Task(
            name="gap",
            dataset="gap",
            ood={"between": "gap:inputs=between"},
            model="mlp-50",
            likelihood=Heteroscedastic(),
            budget=Budget(epochs=1000, draws=100, burn_in=0.25),
            prior_std=1.0,
            settings=GAP,
            seeds=10,
        ),
        Task(
            name="mnist1d",
            dataset="mnist1d",
            shift={
                f"noise-{percent}": f"mnist1d:white_noise={percent / 100}"
                for percent in (5, 10, 20)
            },
            model="mlp-100",
            budget=Budget(epochs=100, draws=100, burn_in=0.25),
        ),
        _DIGITS,
        _rotated(_DIGITS, "rotated-digits"),
        Task(
            name="mnist-1k",
            dataset="mnist",
            ood=("notmnist", "mnist-letters"),
            model="mlp-50",
            budget=Budget(epochs=100, draws=100, burn_in=0.25),
            train_size=1000,
            settings=MNIST_1K,
        ),
        _rotated(_MNIST, "rotated-mnist"),
        replace(
            _MNIST, name="kmnist", dataset="kmnist", ood=("mnist", "fashion-mnist"), model="lenet5"
        ),
        replace(
            _MNIST,
            name="fashion-mnist",
            dataset="fashion-mnist",
            ood=("mnist", "kmnist"),
            model="lenet5",
        ),
        Task(
            name="cifar10",
            dataset="cifar10",
            ood=("svhn", "cifar100"),
            model="resnet8",
            budget=Budget(epochs=50, draws=50, burn_in=0.5),
            prior_std=0.1**0.5,
        ),
        _MNIST,
    )
}
"""By name, the smallest task first."""
