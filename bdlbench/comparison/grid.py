"""Read a grid (samplers × hyperparameters × tasks × models × budgets × seeds) from TOML."""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bdlbench.comparison.planned import Planned, make
from bdlbench.errors import BdlbenchError

LISTS = ("tasks", "models", "epochs", "draws")  # every combination is a separate comparison
KEYS = (*LISTS, "seeds", "split", "samplers")
RANGE = {"low", "high", "steps"}


@dataclass(frozen=True)
class Grid:
    """A grid of comparisons.

    Args:
        samplers: Samplers as on the command line; the first is the baseline.
        comparisons: Task, model, epochs and draws of each comparison.
        seeds: Number of seeds, or the seeds.
        split: ``test`` or ``validation``.
    """

    samplers: tuple[str, ...]
    comparisons: tuple[dict[str, Any], ...]
    seeds: int | list[int]
    split: str

    def plan(self, **options: Any) -> list[Planned]:
        """Plan all comparisons; for the options see `planned.make`."""
        data: dict[str | None, dict[str, str]] = {}  # by task, so that each is loaded once
        plans: list[Planned] = []
        for where in self.comparisons:
            shared: dict[str, Any] = {"seeds": self.seeds, "split": self.split, **options}
            plans.append(make(self.samplers, data=data.get(where["task"]), **where, **shared))
            data[where["task"]] = plans[-1].data
        return plans


def read(path: Path) -> Grid:
    """Read a grid.

    Raises:
        BdlbenchError: The file is missing, or not in the format of docs/running.md.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BdlbenchError(f"{path}: expected a grid in TOML ({error})") from error
    unknown = sorted(content.keys() - set(KEYS))
    if unknown:
        raise BdlbenchError(f"{path}: expected only {', '.join(KEYS)}, got {', '.join(unknown)}")
    try:
        axes = [content.get(name, [None]) for name in LISTS]
        if not all(isinstance(axis, list) and axis for axis in axes):
            raise ValueError(f'expected {", ".join(LISTS)} to be lists, such as tasks = ["digits"]')
        axes = [[value for i, value in enumerate(axis) if value not in axis[:i]] for axis in axes]
        singular = ("task", "model", "epochs", "draws")
        return Grid(
            samplers=tuple(_samplers(content.get("samplers", {}))),
            comparisons=tuple(
                dict(zip(singular, values, strict=True)) for values in itertools.product(*axes)
            ),
            seeds=content.get("seeds", 3),
            split=content.get("split", "test"),
        )
    except ValueError as error:
        raise BdlbenchError(f"{path}: {error}") from error


def _samplers(table: Any) -> list[str]:
    """Return all combinations of hyperparameters of each sampler, as on the command line."""
    if not isinstance(table, dict) or not table:
        raise ValueError("expected samplers, each a table of hyperparameters: [samplers.sgld]")
    specs = []
    for name, settings in table.items():
        for part in settings if isinstance(settings, list) else [settings]:
            if not isinstance(part, dict):
                raise ValueError(f"expected [samplers.{name}] to be a table of hyperparameters")
            axes = [[(key, value) for value in _values(given)] for key, given in part.items()]
            for combination in itertools.product(*axes):
                pairs = ",".join(f"{key}={_to_text(value)}" for key, value in combination)
                specs.append(f"{name}:{pairs}" if pairs else name)
    return specs


def _values(given: Any) -> list[Any]:
    """Return the values of a hyperparameter, given as a value, a list or a range."""
    if isinstance(given, list):
        return given
    if not isinstance(given, dict):
        return [given]
    if not RANGE <= given.keys() <= RANGE | {"log"}:
        raise ValueError(
            "expected a range such as {low = 1e-5, high = 1e-3, steps = 5, log = true}"
        )
    spaced = np.geomspace if given.get("log") else np.linspace
    return [float(f"{value:.6g}") for value in spaced(given["low"], given["high"], given["steps"])]


def _to_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
