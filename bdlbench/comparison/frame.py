"""Return a comparison as a pandas data frame."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bdlbench.runs import numerics

if TYPE_CHECKING:
    import pandas as pd

    from bdlbench.comparison.summary import Summary


def tidy(comparison: Summary) -> pd.DataFrame:
    """Return a row per sampler and metric: sampler, metric, mean, low, high, seeds."""
    import pandas as pd

    rows = [
        (row.sampler, name, interval.mean, interval.low, interval.high, interval.n)
        for row in comparison.rows
        for name, interval in row.metrics.items()
    ]
    columns = ["sampler", "metric", "mean", "low", "high", "seeds"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.astype({"mean": float, "low": float, "high": float})
    frame.attrs.update(_describe(comparison))
    return frame


def wide(comparison: Summary) -> pd.DataFrame:
    """Return a row per sampler, with the mean, ``.low`` and ``.high`` of each metric."""
    import pandas as pd

    table = []
    for row in comparison.rows:
        cells: dict[str, Any] = {"sampler": row.sampler, "outcomes": row.outcomes}
        for name, interval in row.metrics.items():
            cells[name] = interval.mean
            cells[f"{name}.low"], cells[f"{name}.high"] = interval.low, interval.high
        table.append(cells)
    frame = pd.DataFrame(table).set_index("sampler")
    frame.attrs.update(_describe(comparison))
    return frame


def differences(comparison: Summary) -> pd.DataFrame:
    """Return a row per sampler and metric: the difference from the baseline, and its verdict."""
    import pandas as pd

    baseline = comparison.rows[comparison.baseline].sampler
    fields = ["metric", "difference", "low", "high", "seeds", "p", "verdict"]
    rows = [
        (name, baseline, *(getattr(one, field) for field in fields))
        for name, one in comparison.differences
    ]
    frame = pd.DataFrame(rows, columns=["sampler", "baseline", *fields])
    frame.attrs.update(_describe(comparison))
    return frame


def _describe(comparison: Summary) -> dict[str, Any]:
    """Return what the numbers are of: task, budget, hyperparameters, versions."""
    setup = comparison.setup
    return {
        "task": setup.task.name,
        "model": setup.model,
        "split": setup.split,
        "epochs": setup.task.budget.epochs,
        "draws": setup.task.budget.draws,
        "seeds": list(comparison.seeds),
        "baseline": comparison.rows[comparison.baseline].sampler,
        "settings": {row.sampler: dict(row.settings) for row in comparison.rows},
        "outcomes": {row.sampler: dict(row.outcomes) for row in comparison.rows},
        "failures": {row.sampler: list(row.reasons) for row in comparison.rows if row.reasons},
        "certificates": {row.sampler: row.certificate for row in comparison.rows},
        "versions": {
            "bdlbench": version("bdlbench"),
            "torch": version("torch"),
            "numerics": numerics.version(),
        },
    }
