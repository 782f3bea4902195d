"""Read a grid (samplers × hyperparameters × tasks × models × budgets × seeds) from TOML."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bdlbench import registry
from bdlbench.comparison.planned import Planned, check_seeds, make
from bdlbench.errors import BdlbenchError
from bdlbench.runs import chosen_models, tasks
from bdlbench.runs.task import SPLITS
from bdlbench.settings import fields, integer, parse, positive, shown

# Every combination is a separate comparison; by the key of the file, the option of `planned.make`.
LISTS = {"tasks": "task", "models": "model", "epochs": "epochs", "draws": "draws"}
CHECKS: dict[str, Callable[[Any], object]] = {
    "tasks": tasks.get,
    "models": chosen_models.find,
    "epochs": lambda value: positive("epochs", value),
    "draws": lambda value: integer("draws", value),
}
SUCH_AS = {
    "tasks": '["digits"]',
    "models": '["mlp-50"]',
    "epochs": "[30, 100]",
    "draws": "[100]",
    "range": "such as {low = 1e-5, high = 1e-3, steps = 5, log = true}",
}
KEYS = (*LISTS, "seeds", "split", "samplers")
RANGE = {"low", "high", "steps"}


@dataclass(frozen=True)
class Grid:
    """A grid of comparisons.

    Args:
        samplers: Samplers as on the command line; the first is the baseline.
        comparisons: Task, model, epochs and draws of each comparison.
        seeds: Number of seeds, or the seeds; None for the number of each task.
        split: ``test`` or ``validation``.
    """

    samplers: tuple[str, ...]
    comparisons: tuple[dict[str, Any], ...]
    seeds: int | list[int] | None
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
    """Read a grid, and check every value, so that nothing is run of a grid with a mistake.

    Raises:
        BdlbenchError: The file is missing, or not a grid as in docs/running.md.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BdlbenchError(f"{path}: {error.strerror}; expected a grid file in TOML") from error
    except ValueError as error:
        raise BdlbenchError(f"{path}: expected a grid in TOML ({error})") from error
    try:
        return _check(content)
    except BdlbenchError as error:
        raise BdlbenchError(f"{path}: {error}") from error


def _check(content: dict[str, Any]) -> Grid:
    for key in content:
        if key not in KEYS:
            raise BdlbenchError(f"no key {key!r}{registry.nearest(key, list(KEYS))}")
    seeds, split = content.get("seeds"), content.get("split", "test")
    if seeds is not None:
        check_seeds(seeds)
    if split not in SPLITS:
        raise BdlbenchError(f"split: expected {' or '.join(SPLITS)}, got {shown(split)}")
    axes = [_axis(key, content[key]) if key in content else [None] for key in LISTS]
    combinations = [dict(zip(LISTS.values(), one, strict=True)) for one in itertools.product(*axes)]
    samplers = tuple(_samplers(content.get("samplers")))
    return Grid(samplers, tuple(combinations), seeds, split)


def _axis(key: str, values: Any) -> list[Any]:
    """Return the distinct values of tasks, models, epochs or draws."""
    check = CHECKS[key]
    if not isinstance(values, list) or not values:
        raise BdlbenchError(f"{key}: expected a list, such as {key} = {SUCH_AS[key]}")
    for value in values:
        if key in ("tasks", "models") and not isinstance(value, str):
            raise BdlbenchError(f"{key}: expected names, got {shown(value)}")
        check(value)
    return [value for i, value in enumerate(values) if value not in values[:i]]


def _samplers(table: Any) -> list[str]:
    """Return all combinations of hyperparameters of each sampler, as on the command line."""
    if not isinstance(table, dict) or not table:
        raise BdlbenchError("expected samplers, each a table of hyperparameters: [samplers.sgld]")
    specs: list[str] = []
    for name, parts in table.items():
        plugin = registry.load("samplers", parse(name).reference)
        for part in parts if isinstance(parts, list) and parts else [parts]:
            if not isinstance(part, dict):
                raise BdlbenchError(f"expected [samplers.{name}] to be a table of hyperparameters")
            specs += _combinations(name, plugin, part)
    for index, spec in enumerate(specs):
        registry.create("samplers", parse(spec))
        if spec in specs[:index]:
            raise BdlbenchError(f"{spec} is given twice; give it once")
    return specs


def _combinations(name: str, plugin: type, part: dict[str, Any]) -> list[str]:
    kinds, axes = fields(plugin), []
    for key, given in part.items():
        if key not in kinds:
            raise BdlbenchError(f"{name}: no setting {key!r}{registry.nearest(key, list(kinds))}")
        values = _values(f"{name}: {key}", given, kinds[key] is int)
        axes.append([f"{key}={str(v).lower() if isinstance(v, bool) else v}" for v in values])
    return [f"{name}:{','.join(pairs)}" if pairs else name for pairs in itertools.product(*axes)]


def _values(where: str, given: Any, whole: bool) -> list[Any]:
    """Return the values of a hyperparameter, given as a value, a list or a range."""
    if isinstance(given, dict):
        return _range(where, given, whole)
    values = given if isinstance(given, list) else [given]
    if not values or not all(isinstance(value, bool | int | float | str) for value in values):
        raise BdlbenchError(f"{where}: expected a value, a list or a range, got {shown(given)}")
    return values


def _range(where: str, given: dict[str, Any], whole: bool) -> list[int] | list[float]:
    log = given.get("log", False)
    if not RANGE <= given.keys() <= RANGE | {"log"} or not isinstance(log, bool):
        raise BdlbenchError(f"{where}: expected a range {SUCH_AS['range']}")
    low, high = given["low"], given["high"]
    steps = integer(f"{where}: steps", given["steps"], least=2, most=1000)
    for end in (low, high):
        if type(end) not in (int, float) or not math.isfinite(end):
            raise BdlbenchError(f"{where}: expected low and high to be numbers, got {shown(end)}")
    if not low < high or (log and low <= 0):
        rule = "0 < low < high, since log = true" if log else "low < high"
        raise BdlbenchError(f"{where}: expected {rule}, got {low:g} and {high:g}")
    spaced = (np.geomspace if log else np.linspace)(low, high, steps)
    if whole:
        return list(dict.fromkeys(round(value) for value in spaced))
    return [float(f"{value:.6g}") for value in spaced]
