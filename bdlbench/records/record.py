"""What is kept of a run: how it was made, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SCHEMA = 2
COMPLETED, DIVERGED = "completed", "diverged"
OUTCOMES = (
    *(COMPLETED, DIVERGED, "over budget", "out of memory", "plugin error"),
    *("crashed", "timed out"),
)


@dataclass(frozen=True)
class Record:
    """Say how a run was made and what came of it.

    Args:
        run: The run's name, also its folder's.
        task: Name of the task.
        sampler: Name, settings (all of them), SHA-256 of its file (empty for a built-in sampler),
            and the number of trials that the settings were chosen from (0: none is known of).
        seed: Seed of the run's random numbers.
        configuration: All else that determines the run: model, prior, budget, split, device, and
            the numerics version.
        data: SHA-256 of every set that was read, by name.
        outcome: One of `OUTCOMES`.
        reason: For an outcome other than completed, why.
        epochs: Spent, as counted by the problem.
        draws: Number of draws that the predictions average.
        metrics: Scores by name; fractions, not percent. Empty unless completed.
        scoring: Version of the metrics, `scores.VERSION` as it was.
        predictions_sha256: Checksum of the predictions' file; empty unless completed.
        environment: Versions, processor and threads.
        measured: What differs between two equal runs: wall-clock seconds of sampling and of
            evaluation, peak memory in bytes, and the time at which the run ended (UTC).
    """

    run: str
    task: str
    sampler: dict[str, Any]
    seed: int
    configuration: dict[str, Any]
    data: dict[str, str]
    outcome: str
    reason: str
    epochs: float
    draws: int
    metrics: dict[str, float]
    scoring: int
    predictions_sha256: str
    environment: dict[str, Any]
    measured: dict[str, Any]
    schema: int = SCHEMA
