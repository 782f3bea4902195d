"""Metrics of one's own: plugins of the kind ``metrics``, by name, by file or as a class at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from bdlbench import registry
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.metrics.description import SIGNS, Metric
from bdlbench.metrics.parts import Float64s, Parts, only
from bdlbench.settings import parse

_KINDS = ("classes", "real", "any")
_USED: dict[str, Metric] = {}  # by name in records
RESERVED = {"epochs", "seconds", "peak_memory_bytes"}  # costs; `catalogue` adds its metrics


def use(plugin: Any) -> Metric:
    """Make a metric known to `catalogue.describe`, and return its description.

    Args:
        plugin: Name of an installed metric or path of a file, with settings as on the command
            line; or a class under @register, or an instance of one.

    Raises:
        PluginError: It cannot be loaded, it has the name of a built-in metric, or one of its
            attributes is invalid.
    """
    metric = adapt(_instance(plugin))
    if metric.name in RESERVED:
        name = metric.name.removeprefix("ood.<set>.")
        raise PluginError(f"metric {name!r} is built in; register yours under another name")
    _USED[metric.name] = metric
    return metric


def described(name: str) -> Metric | None:
    """Return the metric in use, or installed, with this name in records; None if there is none."""
    short = name.removeprefix("ood.<set>.")
    if name not in _USED and short in registry.names("metrics"):
        use(short)
    return _USED.get(name)


def installed() -> list[Metric]:
    """Return the installed metrics, in alphabetical order.

    Raises:
        PluginError: One of them cannot be loaded.
    """
    found = []
    for name in registry.names("metrics"):
        known = {name, f"ood.<set>.{name}"} & _USED.keys()
        found.append(_USED[known.pop()] if known else use(name))
    return found


def known() -> list[Metric]:
    """Return the installed metrics, and those that a comparison of this process has used."""
    installed()
    return [_USED[name] for name in sorted(_USED)]


def adapt(plugin: Any) -> Metric:
    """Return the description of a metric that a plugin defines.

    Raises:
        PluginError: Its `label`, `direction`, `kind` or `on` is invalid.
    """
    name = type(plugin).plugin_name
    metric = Metric(
        name=name,
        label=getattr(plugin, "label", name),
        direction=getattr(plugin, "direction", "none"),
        definition=(type(plugin).__doc__ or name).strip().partition("\n")[0],
        kind=getattr(plugin, "kind", "classes"),
        parts=lambda predictions: _parts(name, plugin, predictions),
    )
    for field, known in (("direction", tuple(SIGNS)), ("kind", _KINDS)):
        if (actual := getattr(metric, field)) not in known:
            expected = f"{field} as one of {', '.join(known)}"
            raise PluginError(f"{name}: expected {expected}, got {actual!r}")
    on = getattr(plugin, "on", "test")
    if on not in ("test", "ood"):
        raise PluginError(f"{name}: expected on as test or ood, got {on!r}")
    if on == "ood":
        return replace(metric, name=f"ood.<set>.{name}", label=f"{metric.label} (<set>)")
    return metric


def _instance(plugin: Any) -> Any:
    if isinstance(plugin, str):
        return registry.create("metrics", parse(plugin))
    if isinstance(plugin, type):
        plugin = registry.configure(plugin, {}) if hasattr(plugin, "plugin_name") else plugin
    if not hasattr(type(plugin), "plugin_name") or not hasattr(plugin, "contributions"):
        raise PluginError(f"expected a metric, a class under @register, got {plugin!r:.60}")
    return plugin


def _parts(name: str, plugin: Any, predictions: Any) -> Parts:
    """Return the contributions that a plugin computes.

    Raises:
        BdlbenchError: It raises an exception, or they are not finite numbers, one per input.
    """
    try:
        found: Any = plugin.contributions(predictions)
        is_sparse = bool(sparse.issparse(found))
        if not is_sparse:
            found = np.asarray(found, np.float64)
    except Exception as error:
        raise BdlbenchError(f"metric {name}: {type(error).__name__}: {error}") from error
    inputs = len(predictions)
    if found.ndim not in (1, 2) or found.shape[0] != inputs:
        raise BdlbenchError(f"metric {name}: expected shape ({inputs},), got {found.shape}")
    if not np.isfinite(found.data if is_sparse else found).all():
        raise BdlbenchError(f"metric {name}: expected finite contributions, got NaN or inf")
    finish = getattr(plugin, "finish", None)
    if finish is None and found.ndim == 2:
        raise BdlbenchError(f"metric {name}: expected a method finish(means) for k contributions")
    return Parts(found, only if finish is None else _by_column(finish))


def _by_column(finish: Callable[[Float64s], float]) -> Callable[[Float64s], Float64s]:
    """Return `finish` of means (k, …), for one that takes those of shape (k,)."""
    return lambda means: np.apply_along_axis(lambda one: np.float64(finish(one)), 0, means)
