"""The result of a comparison, as `bdlbench.compare` returns it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bdlbench.comparison.summary import Summary

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class Comparison(Summary):
    """The result of a comparison: a summary that shows itself."""

    def to_frame(self, wide: bool = False) -> pd.DataFrame:
        """Return the metrics of all samplers; what they are of is in ``attrs``.

        Args:
            wide: Return a row per sampler, indexed by it, with the mean of each metric and the ends
                of its intervals as columns: ``.low`` and ``.high`` over seeds, and over seeds and
                test inputs ``.low_with_points`` and ``.high_with_points``; else a row per sampler
                and metric, with columns sampler, metric, mean, these ends, seeds.
        """
        from bdlbench.comparison import frame

        return frame.wide(self) if wide else frame.tidy(self)

    def differences_to_frame(self) -> pd.DataFrame:
        """Return the differences from the baseline, a row per sampler and metric."""
        from bdlbench.comparison import frame

        return frame.differences(self)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Plot the confidence on known and unknown inputs, and the metrics.

        Args:
            path: File to write, ``.png``, ``.svg`` or ``.pdf``; None to only return the figure.

        Raises:
            BdlbenchError: The file cannot be written.
        """
        from bdlbench.comparison import plot

        file = None if path is None else plot.check_path(path)
        figure = plot.plot(self)
        if file is not None:
            figure.savefig(file, dpi=110)
        return figure

    def _repr_html_(self) -> str:
        from bdlbench.comparison import notebook

        return notebook.to_html(self)

    def __repr__(self) -> str:
        samplers = ", ".join(row.sampler for row in self.rows)
        setup = self.setup
        count = f"{len(self.seeds)} seed{'s' if len(self.seeds) > 1 else ''}"
        return f"<Comparison {setup.task.name} {setup.model}: {samplers}; {count}>"

    def __str__(self) -> str:
        from bdlbench.comparison import output

        return output.to_text(self)
