"""Forest plots: no outlier stretches the axis, and none is lost; no label is cut."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from bdlbench.metrics.scores import describe
from bdlbench.metrics.statistics import Interval
from bdlbench.site.forest import axis, forest
from bdlbench.site.text import BREAK

METRIC = describe("negative_log_likelihood")
BULK = [(f"bulk-{k}", Interval(k / 100, k / 100 - 0.005, k / 100 + 0.005, 3)) for k in range(1, 7)]
FAR = ("far", Interval(2.0, 1.9, 2.1, 3))
WIDE = ("wide", Interval(0.03, -0.2, 0.4, 3))


def arrows(figure: dict[str, Any]) -> list[tuple[str, float, str]]:
    """Return symbol, place and text of every arrow."""
    return [
        (trace["marker"]["symbol"], place, text)
        for trace in figure["data"][1:]
        for place, text in zip(trace["y"], trace["text"], strict=True)
    ]


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_without_outliers_the_axis_covers_every_interval(count: int) -> None:
    figure = forest(METRIC, BULK[:count])
    left, right = figure["layout"]["xaxis"]["range"]
    assert left < 0.005 < right
    assert left < BULK[count - 1][1].mean + 0.005 < right
    assert arrows(figure) == []
    assert "beyond" not in figure["label"]


def test_an_outlier_does_not_stretch_the_axis_and_is_shown_at_its_border() -> None:
    expected = axis([interval for _, interval in BULK])
    for row in (FAR, ("farther", Interval(1e6, None, None, 1))):
        figure = forest(METRIC, [*BULK, row])
        assert figure["layout"]["xaxis"]["range"] == pytest.approx(expected)
    figure = forest(METRIC, [*BULK, FAR])
    points, layout = figure["data"][0], figure["layout"]
    assert arrows(figure) == [("triangle-right", points["y"][-1], "2 ±0.1")]
    assert points["marker"]["opacity"] == [1] * 6 + [0]
    assert points["customdata"][-1] == "2 ±0.1", "the value is shown on hover"
    assert figure["label"].endswith("; beyond the axis: far 2 ±0.1"), "and read aloud"
    assert max(points["x"]) <= layout["xaxis"]["range"][1]


def test_a_wide_interval_is_cut_at_both_borders() -> None:
    figure = forest(METRIC, [*BULK, WIDE])
    left, right = figure["layout"]["xaxis"]["range"]
    assert right - left < 0.1
    points = figure["data"][0]
    assert points["x"][-1] == 0.03
    assert points["x"][-1] + points["error_x"]["array"][-1] == pytest.approx(right, rel=1e-4)
    assert points["x"][-1] - points["error_x"]["arrayminus"][-1] == pytest.approx(left, rel=1e-4)
    place = points["y"][-1]
    assert arrows(figure) == [
        ("triangle-left", place, "to -0.2"),
        ("triangle-right", place, "to 0.4"),
    ]


def test_equal_values_have_an_axis() -> None:
    for value in (0.0, 0.5):
        left, right = axis([Interval(value, None, None, 1)] * 3)
        assert left < value < right


def test_rows_with_folded_labels_do_not_overlap() -> None:
    long = "sgld:" + ",".join(f"setting_{k}=0.125" for k in range(9))
    figure = forest(METRIC, [(f"{long}{k}", interval) for k, (_, interval) in enumerate(BULK)])
    labels, places = figure["layout"]["yaxis"]["ticktext"], figure["layout"]["yaxis"]["tickvals"]
    lines = labels[0].count(BREAK) + 1
    assert lines > 3
    assert min(b - a for a, b in itertools.pairwise(places)) >= 15 * lines
    assert len(set(labels)) == len(BULK)
    assert figure["layout"]["yaxis"]["range"][0] > places[-1]
