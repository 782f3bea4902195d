"""Say in a few words whether the runs of a sampler are at rest, and at which temperature."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.records.record import Record
from bdlbench.runs.diagnostics import DRIFT, POTENTIAL, TEMPERATURE

UNKNOWN = "–"
MOVING = "still moving"
SMALLEST = 0.05  # relative deviation of a layer's temperature that is called warm or cold
WITHIN = 0.1  # of the temperature aimed at: the whole interval of a layer that is at rest
DRIFTING = 0.5  # standard deviations of U between the last quarters of the draws
DRIFTING_ALONE = 2.0  # that of a single run, whose correlated draws drift by chance, too
RULE = (
    "run: whether the draws of these runs look like draws from the posterior. `at rest`: the "
    "temperature E[θ·∇U]/d of every layer is within 10 % of T, and U does not drift; `warm` or "
    "`cold`: a layer's is not, since the step size is large there or the run short; `still "
    "moving`: U drifts; `unclear`: too few draws to tell; –: not a sampler of the posterior, or a "
    "run made before this was measured."
)


@dataclass(frozen=True)
class _Layer:
    """A layer's temperature relative to the one aimed at, with the half-width of its interval."""

    label: str
    temperature: float
    half: float

    @property
    def deviation(self) -> float:
        return abs(self.temperature - 1)

    @property
    def significant(self) -> bool:
        return self.deviation > max(self.half, SMALLEST)

    @property
    def at_rest(self) -> bool:
        return self.deviation + self.half <= WITHIN


def measured(records: Sequence[Record]) -> dict[str, Interval]:
    """Return the mean potential, the drift and every layer's temperature over completed runs."""
    found = [record.diagnostics for record in records]
    if not found or not all(found):
        return {}
    names = [POTENTIAL, DRIFT, *(TEMPERATURE + name for name in _layers(found[0]))]
    return {name: seed_interval([each[name] for each in found]) for name in names}


def describe(records: Sequence[Record]) -> str:
    """Return the text of the column *run* for the completed runs of one sampler.

    Layers are judged together (Bonferroni, 5 %), by Student's t over seeds; with one seed, by the
    standard errors within its run. At most `SMALLEST` of a deviation is of no consequence.
    """
    found = [record.diagnostics for record in records]
    if not found or not all(found):
        return UNKNOWN
    aim = float(records[0].sampler.settings.get("temperature") or 1.0)
    if _drifts([each[DRIFT] for each in found]):
        return MOVING
    names = _layers(found[0])
    layers = [_layer(found, name, names, aim) for name in names]
    worst = max(layers, key=lambda layer: layer.deviation - layer.half)
    if worst.significant:
        return f"{'warm' if worst.temperature > 1 else 'cold'}: {_shown(worst, aim)}"
    if all(layer.at_rest for layer in layers):
        farthest = max(layers, key=lambda layer: layer.deviation)
        return f"at rest, T = {farthest.temperature * aim:.2f}"
    widest = max(layers, key=lambda layer: layer.deviation + layer.half)
    return f"unclear: {_shown(widest, aim)} ± {widest.half * aim:.2f}"


def lines(metrics: Mapping[str, Interval], potential: Sequence[float] = ()) -> list[str]:
    """Return what was measured of a sampler's runs, a line for each quantity.

    Args:
        metrics: As from `measured`, among others.
        potential: Mean and standard deviation of U under the reference, if there is one.
    """
    if POTENTIAL not in metrics:
        return []
    known = (
        f"; under the reference {potential[0]:,.0f}, sd {potential[1]:,.0f}" if potential else ""
    )
    temperatures = {n: one for n, one in metrics.items() if n.startswith(TEMPERATURE)}
    names = [name.removeprefix(TEMPERATURE) for name in temperatures]
    return [
        f"U = {_spread(metrics[POTENTIAL], '{:,.0f}')}{known}",
        f"drift of U = {_spread(metrics[DRIFT], '{:.2f}')} standard deviations",
        *(
            f"{_label(name, names)}T = {_spread(one, '{:.3f}')}"
            for name, one in zip(names, temperatures.values(), strict=True)
        ),
    ]


def _spread(interval: Interval, form: str) -> str:
    mean = form.format(interval.mean)
    half = "" if interval.high is None else f" ± {form.format(interval.high - interval.mean)}"
    return mean + half


def _layers(found: dict[str, float]) -> list[str]:
    """Return the names of the layers: those of tensors without the last part."""
    names = [n.removeprefix(TEMPERATURE) for n in found if n.startswith(TEMPERATURE)]
    names = [name for name in names if not name.endswith(".error")]
    return [name for name in names if name.rpartition(".")[0] not in names]


def _layer(
    found: Sequence[dict[str, float]], name: str, names: Sequence[str], aim: float
) -> _Layer:
    values = np.array([each[TEMPERATURE + name] for each in found]) / aim
    level = 1 - 0.05 / (2 * len(names))
    if len(values) > 1:
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        half = float(special.stdtrit(len(values) - 1, level)) * error
    else:
        half = float(special.ndtri(level)) * found[0][f"{TEMPERATURE}{name}.error"] / aim
    return _Layer(_label(name, names), float(values.mean()), half)


def _label(name: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return ""
    ends = {names[-1]: "output layer", names[0]: "first layer"}
    between = names.index(name) + 1 if name.isdigit() else name  # a place in a Sequential
    return ends.get(name, f"layer {between}") + " "


def _shown(layer: _Layer, aim: float) -> str:
    return f"{layer.label}T = {layer.temperature * aim:.2f}"


def _drifts(drifts: Sequence[float]) -> bool:
    """Return whether U drifts: by `DRIFTING`, and significantly over seeds if there are several."""
    mean = float(np.mean(drifts))
    if len(drifts) == 1:
        return abs(mean) > DRIFTING_ALONE
    interval = seed_interval(drifts)
    assert interval.low is not None
    assert interval.high is not None
    return abs(mean) > DRIFTING and not interval.low <= 0 <= interval.high
