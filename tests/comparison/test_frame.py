"""Comparisons in Python: frames, plots, notebooks, and what `compare` accepts."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bdlbench
from bdlbench.comparison import plot
from bdlbench.comparison.result import Comparison
from bdlbench.errors import BdlbenchError
from bdlbench.metrics.statistics import Interval
from tests.comparison.test_table import COMPARISON, METRICS, ROWS

Compare = Callable[..., Comparison]
Write = Callable[..., str]


def test_the_tidy_frame_has_a_row_per_metric() -> None:
    frame = COMPARISON.to_frame()
    ends = ["mean", "low", "high", "low_with_points", "high_with_points"]
    assert list(frame.columns) == ["sampler", "metric", *ends, "seeds"]
    assert len(frame) == 2 * len(METRICS)
    (accuracy,) = frame[(frame["sampler"] == "sgld") & (frame["metric"] == "accuracy")].to_dict(
        "records"
    )
    assert accuracy == {
        "sampler": "sgld", "metric": "accuracy", "mean": 0.9, "low": 0.875, "high": 0.925,
        "low_with_points": 0.85, "high_with_points": 0.95, "seeds": 2,
    }  # fmt: skip


def test_one_seed_has_no_interval() -> None:
    metrics = {"accuracy": Interval(0.9, None, None, 1)}
    frame = replace(COMPARISON, rows=(replace(ROWS[0], metrics=metrics),)).to_frame()
    assert frame["mean"].tolist() == [0.9]
    assert np.isnan(frame[["low", "high"]].to_numpy()).all()


def test_frames_say_what_they_are_of() -> None:
    for frame in (
        COMPARISON.to_frame(),
        COMPARISON.to_frame(wide=True),
        COMPARISON.differences_to_frame(),
    ):
        assert frame.attrs["task"] == "digits"
        assert frame.attrs["epochs"] == 200
        assert frame.attrs["settings"]["sgd"] == {"learning_rate": 0.1}
        assert frame.attrs["versions"]["bdlbench"] == bdlbench.__version__


def test_differences_have_a_frame() -> None:
    (row,) = COMPARISON.differences_to_frame().to_dict("records")
    assert row == {
        "sampler": "sgld", "baseline": "sgd", "metric": "ood.letters.auroc", "difference": 0.054,
        "low": 0.047, "high": 0.061, "seeds": 2, "p": 0.001, "verdict": "better",
    }  # fmt: skip


def test_a_notebook_shows_the_table_and_escapes_it() -> None:
    html = COMPARISON._repr_html_()
    assert "a|b[red] [plugin error]" in html
    assert "sgld detects letters better than sgd" in html
    assert "▲</span>" in html
    hostile = replace(COMPARISON, rows=(replace(ROWS[0], sampler="<script>x</script>"),))
    assert "<script>" not in hostile._repr_html_()


def test_a_comparison_is_described_in_one_line() -> None:
    assert repr(COMPARISON) == "<Comparison digits mlp-50: sgd, sgld, a|b[red]; 3 seeds>"


def test_a_plot_has_a_panel_per_set_and_per_metric(compare: Compare, tmp_path: Path) -> None:
    comparison = compare(["sgd", "sgld"], tmp_path / "results", seeds=2)
    figure = comparison.plot(tmp_path / "plot.png")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:2] == ["test: known inputs", "letters: unknown inputs"]
    assert len(titles) == 2 + len(comparison.headline)
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
    (legend,) = (axes.get_legend() for axes in figure.axes[1:2])
    assert legend is not None
    share = comparison.rows[0].metrics["ood.letters.confident_fraction"].mean
    assert legend.get_texts()[0].get_text() == f"sgd: {share:.0%} above 0.9"


def test_a_plot_of_real_targets_shows_the_width_of_the_predictions(
    compare: Compare, tmp_path: Path
) -> None:
    comparison = compare(["sgd:batch_size=8"], tmp_path, task="gap", model="mlp-2", epochs=60)
    figure = comparison.plot(tmp_path / "plot.png")
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert labels.count("standard deviation of the prediction") == 1 + len(
        comparison.setup.task.ood_names
    )
    assert all(
        len(axes.patches) == 1 for axes, label in zip(figure.axes, labels, strict=True) if label
    )


@pytest.mark.parametrize("name", ["plot.exe", "plot", "nowhere/plot.png"])
def test_where_a_plot_cannot_be_written_is_said_first(tmp_path: Path, name: str) -> None:
    with pytest.raises(BdlbenchError, match=r"--plot"):
        plot.check_path(tmp_path / name)


def test_compare_takes_one_sampler_and_paths(
    compare: Compare, tmp_path: Path, write_sampler: Write
) -> None:
    one: Any = "sgd"
    assert [row.sampler for row in compare(one, tmp_path).rows] == ["sgd"]
    path: Any = Path(write_sampler("yield problem.init(rng)"))
    assert [row.sampler for row in compare(path, tmp_path).rows] == ["mine"]


def test_every_option_of_compare_is_typed_and_described() -> None:
    signature = inspect.signature(bdlbench.compare)
    described = re.findall(r"^    +(\w+): ", inspect.getdoc(bdlbench.compare) or "", re.MULTILINE)
    assert list(signature.parameters) == [name for name in described if name != "BdlbenchError"]
    for parameter in signature.parameters.values():
        assert parameter.annotation not in ("Any", inspect.Parameter.empty)
        assert parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)


def test_a_misspelt_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'sedes'"):
        bdlbench.compare("sgd", sedes=2)  # type: ignore[call-arg]


def test_the_version_can_be_asked_for() -> None:
    command = [sys.executable, "-m", "bdlbench", "--version"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert found == f"bdlbench {bdlbench.__version__}\n"


def test_a_comparison_prints_as_on_a_terminal() -> None:
    text = str(COMPARISON)
    assert "sgld detects letters better than sgd: AUROC +0.054 [0.047, 0.061]" in text
    assert "\x1b" not in text


def test_settings_in_a_dictionary_are_refused_not_ignored() -> None:
    samplers: Any = {"sgld": {"step_size": 5e-5}}
    with pytest.raises(BdlbenchError, match="expected a list of samplers"):
        bdlbench.compare(samplers, task="digits")
