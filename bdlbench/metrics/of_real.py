"""The metrics of predictive densities of real targets on the test set."""

from __future__ import annotations

from functools import partial

from bdlbench.metrics import regression
from bdlbench.metrics.description import Metric

PERCENTAGES = (50, 80, 90, 95)


def _coverage(percent: int) -> Metric:
    return Metric(
        f"coverage_{percent}", f"coverage ({percent} %)", "none",
        f"Share of targets in the central interval with {percent} % of the mixture's probability: "
        f"{percent / 100:g} if calibrated.",
        "real", partial(regression.coverage, percent=percent),
        limits="Whether intervals are wide where they need to be: the widths must be read beside "
        "it.",
    )  # fmt: skip


def _width(percent: int) -> Metric:
    return Metric(
        f"width_{percent}", f"width ({percent} %)", "none",
        f"Mean width of the central interval with {percent} % of the mixture's probability, in "
        "units of the target.",
        "real", partial(regression.width, percent=percent), unit="target",
        limits="Anything without the coverage beside it: a narrow interval may miss.",
    )  # fmt: skip


REAL = (
    Metric("lppd", "LPPD", "up",
           "Mean over inputs of log (1/S) Σ_s p(y∣x, θ_s), the log predictive density of the "
           "mixture of all S draws, in nats, per original unit of the target: that of targets "
           "divided by c is higher by log c.",
           "real", regression.log_density, "nats", "Gelman, Hwang & Vehtari (2014), ÷ n",
           "Whether a wrong mean or a wrong width is the cause: one target far out decides. Values "
           "for different units of the target can't be compared."),
    Metric("rmse", "RMSE", "down",
           "Root of the mean squared difference between the mixture's mean and the target, in "
           "units of the target.",
           "real", regression.rmse, "target", "",
           "Anything about uncertainty: it is of the means alone."),
    Metric("crps", "CRPS", "down",
           "Mean of ∫ (F(z) − [z ≥ y])² dz, F the distribution function of the mixture, in units "
           "of the target; the absolute error if F is a step.",
           "real", regression.crps, "target",
           "Matheson & Winkler (1976); Gneiting & Raftery (2007); Grimit et al. (2006)",
           "Much about the tails: they hardly count. Undefined for Student's t with df ≤ 1."),
    Metric("pit_calibration_error", "PIT error", "down",
           "Mean |share of targets with F(y) ≤ level − level| over the levels 0.05, 0.10, …, 0.95, "
           "F the distribution function of the mixture.",
           "real", regression.pit_calibration_error, "", "Kuleshov, Fenner & Ermon (2018)",
           "Whether the predictions are of use: the marginal distribution of the targets scores 0. "
           "It is biased upwards with few inputs."),
    *map(_coverage, PERCENTAGES),
    *map(_width, PERCENTAGES),
)  # fmt: skip
"""In the order of tables."""
