"""The site of a task with real targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bdlbench.leaderboard import boards
from bdlbench.metrics.scores import score
from bdlbench.records import store
from bdlbench.records.densities import Densities
from bdlbench.site import winners
from bdlbench.site.publish import publish
from tests import synthetic


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Store runs of two samplers on a task with real targets."""
    targets = np.random.default_rng(9).normal(size=60)
    for seed in range(2):
        for name, error in (("near", 0.1), ("far", 5.0)):
            rng = np.random.default_rng(seed)
            sets = {
                "test": Densities(
                    (targets + error * rng.normal(size=(4, 60))).astype("f4"),
                    np.ones((4, 1), "f4"),
                    np.array(np.inf),
                    targets,
                    np.arange(1.0, 5),
                )
            }
            gaussian = {"likelihood": "gaussian:noise_std=0.5", "model": "mlp-20"}
            data = {name: synthetic.DATA[name] for name in ("train", "test")}
            made = synthetic.record(name, seed=seed, task="line", data=data, configuration=gaussian)
            store.write(tmp_path, replace(made, metrics=score(sets)), sets)
    return tmp_path


def test_every_metric_answers_a_question(runs: Path) -> None:
    (board,) = boards.build(runs)
    found = {winner.metric: winner for winner in winners.of(board)}
    assert found.keys() == {"LPPD", "RMSE", "CRPS", "PIT error"}
    assert all(winner.question != winner.metric for winner in found.values())
    assert [found[name].sampler for name in ("LPPD", "RMSE", "CRPS")] == ["near"] * 3


def test_pages_have_no_column_of_classes(runs: Path) -> None:
    site = publish(runs, runs / "site").parent
    index = " ".join((site / "index.html").read_text("utf-8").split())
    assert "gives the targets the highest density?" in index
    assert "by NLL (or LPPD, for real targets)" in index
    page = (site / "samplers" / "near.html").read_text("utf-8")
    assert "RMSE" in page
    assert "agreement ↑" not in page
