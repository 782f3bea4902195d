"""The best samplers of a board by every compared metric, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import Entry
from bdlbench.metrics.scores import describe

# What each metric answers; {set} is the name of the OOD set.
QUESTIONS = {
    "accuracy": "classifies most test inputs correctly",
    "negative_log_likelihood": "gives the correct class the most probability",
    "brier_score": "has the smallest errors in its probabilities",
    "expected_calibration_error": "is right as often as its confidence says",
    "lppd": "gives the targets the highest density",
    "rmse": "is closest to the targets with its mean",
    "crps": "is closest to the targets with its whole distribution",
    "pit_calibration_error": "has quantiles with the right shares of targets below them",
    "auroc": "doubts {set} inputs more than test inputs",
}


@dataclass(frozen=True)
class Winner:
    """The best sampler by a metric.

    Args:
        question: What the metric answers, in plain words.
        metric: Its label.
        sampler: Label of the sampler with the best mean.
        value: Its mean.
        ties: Labels of the others that no sampler is significantly better than.
        clear: Whether it is significantly better than another sampler, and none than it.
    """

    question: str
    metric: str
    sampler: str
    value: str
    ties: tuple[str, ...]
    clear: bool


def of(board: Board) -> list[Winner]:
    """Return the best sampler by every compared metric; collapsed or failed ones are left out."""
    entries = [one for one in board.entries if one.rank is not None and not one.row.collapsed]
    return [_winner(name, entries) for name in board.headline] if len(entries) > 1 else []


def _winner(name: str, entries: Sequence[Entry]) -> Winner:
    metric = describe(name)
    sign = -1 if metric.direction == "up" else 1
    first, *others = sorted(entries, key=lambda entry: sign * entry.row.metrics[name].mean)
    kind, ood = name.rpartition(".")[2], name.split(".")[1] if "." in name else ""
    return Winner(
        question=QUESTIONS.get(kind, metric.label).format(set=ood),
        metric=metric.label,
        sampler=first.row.sampler,
        value=f"{first.row.metrics[name].mean:.4f}",
        ties=tuple(entry.row.sampler for entry in others if name in entry.unbeaten),
        clear=name in first.leading,
    )
