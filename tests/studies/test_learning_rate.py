from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from bdlbench_studies.learning_rate import LearningRate, judge
from bdlbench_studies.line import points
from PIL import Image


def test_learning_rates_are_too_slow_suitable_and_divergent(tmp_path: Path) -> None:
    found = LearningRate(animate=False).run(tmp_path, print)
    assert "0.01 is too slow, 0.1 is suitable, 1 is divergent" in found.text
    line, error = points(), -points().minimum[:, None]
    # Where the rate is small, the mean of the runs is gradient descent: δ ← (I − ηA)δ.
    moved = torch.linalg.matrix_power(torch.eye(2) - 0.01 * line.hessian, 60) @ error
    expected = float(line.loss(line.minimum) + (moved.T @ line.hessian @ moved) / 2)
    half = found.numbers["high.0.01"] - found.numbers["loss.0.01"]
    assert found.numbers["loss.0.01"] == pytest.approx(expected, abs=2 * half)  # 4 errors
    assert found.numbers["low.1"] > 50 * found.numbers["high.0.1"]


def test_what_is_written_can_be_opened(tmp_path: Path) -> None:
    found = LearningRate(steps=4, runs=10).run(tmp_path, print)
    png, svg, table, gif = found.files
    with Image.open(png) as picture:
        assert picture.size[0] > 1000
    with Image.open(gif) as animation:
        assert getattr(animation, "n_frames", 1) == 5
    assert "</svg>" in svg.read_text("utf-8")
    assert len(pd.read_csv(table)) == 3 * 5


@pytest.mark.parametrize(
    ("loss", "words"),
    [(1.2, "suitable"), (1.3, "too slow"), (10, "divergent"), (float("nan"), "divergent")],
)
def test_the_verdict_follows_the_loss(loss: float, words: str) -> None:
    assert judge(loss, least=1, first=10) == words
