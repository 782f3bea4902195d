from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from bdlbench_studies.learning_rate import LearningRate, judge
from bdlbench_studies.line import points
from PIL import Image


def test_learning_rates_are_too_slow_suitable_and_divergent(tmp_path: Path) -> None:
    finding = LearningRate(animate=False).run(tmp_path, print)
    numbers = finding.numbers
    assert "0.01 is too slow, 0.1 is suitable, 1 is divergent" in finding.text
    line, error = points(), -points().minimum[:, None]
    # At a small learning rate the mean over runs follows gradient descent: δ ← (I − ηA)δ.
    moved = torch.linalg.matrix_power(torch.eye(2) - 0.01 * line.hessian, 60) @ error
    expected = float(line.loss(line.minimum) + (moved.T @ line.hessian @ moved) / 2)
    half = numbers["high.0.01"] - numbers["loss.0.01"]
    assert numbers["loss.0.01"] == pytest.approx(expected, abs=2 * half)  # 4 standard errors
    assert numbers["low.1"] > 50 * numbers["high.0.1"]


def test_written_files_can_be_opened(tmp_path: Path) -> None:
    finding = LearningRate(steps=4, runs=10).run(tmp_path, print)
    png, svg, table, gif = finding.files
    with Image.open(png) as image:
        assert image.size[0] > 1000
    with Image.open(gif) as animation:
        assert getattr(animation, "n_frames", 1) == 5
    assert "</svg>" in svg.read_text("utf-8")
    assert len(pd.read_csv(table)) == 3 * 5


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [(1.2, "suitable"), (1.3, "too slow"), (10, "divergent"), (float("nan"), "divergent")],
)
def test_the_verdict_depends_on_the_final_loss(loss: float, verdict: str) -> None:
    assert judge(loss, least=1, first=10) == verdict
