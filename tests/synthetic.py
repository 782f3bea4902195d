"""Synthetic runs: records and predictions without sampling."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax

from bdlbench.metrics import scores
from bdlbench.metrics.scores import score
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import COMPLETED, Configuration, Record, Sampler
from bdlbench.runs import numerics, plan, tasks

DATA = {"train": "a" * 64, "test": "b" * 64, "letters": "c" * 64}
CLASSES = 10


def predict(
    rng: np.random.Generator, skill: float, inputs: int, draws: int, history: bool
) -> dict[str, Predictions]:
    """Return random predictions whose accuracy increases with `skill`."""
    labels = np.arange(inputs) % CLASSES
    sets = {}
    for name, scale in (("test", skill), ("letters", 0.0)):
        logits = rng.normal(size=(draws, inputs, CLASSES)) + scale * np.eye(CLASSES)[labels]
        log_p = log_softmax(logits, axis=2)
        mean = np.log(np.exp(log_p).mean(axis=0))
        sets[name] = Predictions(
            log_probabilities=mean.astype("f4"),
            expected_entropy=-(np.exp(log_p) * log_p).sum(axis=2).mean(axis=0).astype("f4"),
            votes=log_p.argmax(axis=2).astype("u1"),
            labels=labels,
        )
    if history:
        traced = log_softmax(rng.normal(size=(draws, min(200, inputs), CLASSES)), axis=2)[..., 0]
        points = (draws - 1).bit_length()
        sets["test"] = replace(
            sets["test"],
            trace=traced.astype("f4"),
            curve=np.repeat(sets["test"].log_probabilities[None], points, 0).astype("f2"),
            epochs=np.arange(1.0, draws + 1),
        )
    return sets


def record(
    sampler: str = "sgd", settings: dict[str, Any] | None = None, seed: int = 0, **changes: Any
) -> Record:
    """Return the record of a completed run on digits, with the matching name."""
    task = tasks.get("digits")
    configuration = Configuration(
        model=task.model,
        prior_std=task.prior_std,
        **asdict(task.budget),
        split="test",
        device="cpu",
        numerics=str(numerics.declared().version),
    )
    made = Record(
        run="",
        task=task.name,
        sampler=Sampler(sampler, settings or {}, "d" * 64),
        seed=seed,
        configuration=replace(configuration, **changes.pop("configuration", {})),
        data=DATA,
        outcome=COMPLETED,
        reason="",
        epochs=100.0,
        draws=4,
        metrics={},
        scoring=scores.VERSION,
        predictions_sha256="",
        environment={"bdlbench": "0.1.0", "python": "3.11.9", "torch": "2.10.0", "threads": 1},
        measured={
            "seconds": 1.5,
            "evaluation_seconds": 0.5,
            "peak_memory_bytes": 2**20,
            "finished": "2026-01-01T00:00:00+00:00",
        },
    )
    return named(replace(made, **changes))


def named(made: Record) -> Record:
    """Return the record with the name that matches its content."""
    stem = plan.stem(made.task, made.sampler, made.configuration, made.data)
    return replace(made, run=f"{stem}-{made.seed}")


def write(
    results: Path,
    sampler: str = "sgd",
    skill: float = 2.0,
    inputs: int = 200,
    history: bool = False,
    **changes: Any,
) -> Record:
    """Store a synthetic run, and return its record."""
    made = record(sampler, **changes)
    if made.outcome != COMPLETED:
        return store.write(results, made, {})
    rng = np.random.default_rng([made.seed, *sampler.encode(), int(1000 * skill)])
    sets = predict(rng, skill, inputs, made.draws, history)
    return store.write(results, replace(made, metrics=score(sets)), sets)
