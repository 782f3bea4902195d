"""Return a comparison as a pandas data frame."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bdlbench.runs import numerics

if TYPE_CHECKING:
    import pandas as pd

    from bdlbench.comparison.summary import Summary


NUMBERS = ("mean", "low", "high", "low_with_points", "high_with_points")


def tidy(comparison: Summary) -> pd.DataFrame:
    """Return a row per sampler and metric: its mean over seeds, and its confidence intervals."""
    import pandas as pd

    rows = [
        (row.sampler, name, *(getattr(interval, column) for column in NUMBERS), interval.n)
        for row in comparison.rows
        for name, interval in row.metrics.items()
    ]
    frame = pd.DataFrame(rows, columns=["sampler", "metric", *NUMBERS, "seeds"])
    frame = frame.astype(dict.fromkeys(NUMBERS, float))
    frame.attrs.update(_describe(comparison))
    return frame


def wide(comparison: Summary) -> pd.DataFrame:
    """Return a row per sampler, with mean, ``.low``, ``.high`` and so on of each metric."""
    import pandas as pd

    table = []
    for row in comparison.rows:
        cells: dict[str, Any] = {"sampler": row.sampler, "outcomes": row.outcomes}
        for name, interval in row.metrics.items():
            cells |= {name + suffix: value for suffix, value in interval.columns.items()}
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
