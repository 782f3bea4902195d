"""The data of README's fidelity plot."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

from bdlbench import registry
from bdlbench.comparison import grid
from bdlbench.reference import reference
from bdlbench.reference.predictive import Averages
from bdlbench.settings import parse
from tests import synthetic

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(DOCS)
    return runpy.run_path(str(DOCS / "fidelity.py"))


def fill(results: Path) -> None:
    """Write synthetic runs of every sampler, with the reference's number of test inputs."""
    found = reference.load("digits").sets["test"]
    assert isinstance(found, Averages)
    inputs = len(found.log_probabilities)
    for name in registry.names("samplers"):
        for epochs in (30.0, 300.0):
            budget = {"epochs": epochs, "draws": 100, "burn_in": 0.25}
            synthetic.write(results, name, inputs=inputs, history=True, configuration=budget)


def test_the_grid_has_every_sampler(script: dict[str, Any]) -> None:
    samplers = {parse(sampler).reference for sampler in grid.read(DOCS / "fidelity.toml").samplers}
    later = {"temperature-scaling"}  # since the runs of the picture
    assert samplers == set(registry.names("samplers")) - later == set(script["COLOURS"])


def test_plot_and_table_distinguish_samplers_and_budgets(
    script: dict[str, Any], tmp_path: Path
) -> None:
    fill(tmp_path)
    gold = reference.load("digits")
    found = script["curves"](tmp_path, "sgd", gold)
    assert {budget: len(runs) for budget, runs in found.items()} == {30.0: 1, 300.0: 1}
    figure = script["picture"](tmp_path)
    near, far = ({text.get_text() for text in axes.texts} for axes in figure.axes)
    plt.close(figure)
    assert set(script["COLOURS"]) - set(script["BEYOND"]) <= near
    assert set(script["FAR"]) <= far
    rows = [line.split(" | ")[0] for line in script["table"](tmp_path).splitlines()[4:]]
    assert sorted(rows) == sorted([f"| {name}" for name in registry.names("samplers")] * 2)
