"""Metrics of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from bdlbench import register
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.metrics import plugins
from bdlbench.metrics.bootstrap import weighted
from bdlbench.metrics.catalogue import describe
from bdlbench.metrics.scores import measure, of_plugins
from bdlbench.records.densities import Densities

NORMAL = Densities(np.zeros((2, 4), "f4"), np.ones((2, 1), "f4"), np.array(np.inf), np.arange(4.0))


@pytest.fixture(autouse=True)
def unused() -> Iterator[None]:
    before = dict(plugins._USED)
    yield
    plugins._USED.clear()
    plugins._USED.update(before)


@register("largest")
@dataclass(frozen=True)
class Root:
    """Root of the mean squared target.

    More text.
    """

    label: ClassVar[str] = "root"
    direction: ClassVar[str] = "up"
    kind: ClassVar[str] = "real"
    factor: float = 1.0

    def contributions(self, predictions: Any) -> Any:
        return np.stack([self.factor * predictions.targets**2, 0 * predictions.targets], axis=1)

    def finish(self, means: Any) -> float:
        assert means.shape == (2,)
        return float(np.sqrt(means[0]))


def test_a_metric_at_hand_scores_stored_predictions() -> None:
    metric = plugins.use(Root(factor=4.0))
    expected = 2 * np.sqrt((0 + 1 + 4 + 9) / 4)
    assert measure(metric, {"test": NORMAL}) == {"largest": pytest.approx(expected)}
    assert of_plugins({"test": NORMAL}, ["largest"]) == {"largest": pytest.approx(expected)}
    assert not of_plugins({"test": NORMAL})  # what one comparison uses is not in the next
    described = describe("largest")
    assert (described.label, described.definition) == ("root", "Root of the mean squared target.")
    weights = np.array([[1.0, 0], [1, 0], [1, 0], [1, 4]])
    found = weighted("largest", {"test": NORMAL})(weights)
    np.testing.assert_allclose(found, [expected, 6])


def test_a_metric_of_ood_sets_has_a_value_for_each() -> None:
    @register("far")
    @dataclass(frozen=True)
    class Far(Root):
        """Far."""

        on: ClassVar[str] = "ood"

    sets = {"test": NORMAL, "a": NORMAL, "b": NORMAL, "shift-c": NORMAL}
    assert list(measure(plugins.use(Far), sets)) == ["ood.a.far", "ood.b.far"]
    assert describe("ood.a.far").label == "root (a)"


@pytest.mark.parametrize(
    ("name", "on"), [("rmse", "test"), ("auroc", "ood"), ("agreement", "test")]
)
def test_the_name_of_a_built_in_metric_is_refused(name: str, on: str) -> None:
    @register(name)
    @dataclass(frozen=True)
    class Taken(Root):
        """Taken."""

    Taken.on = on  # type: ignore[attr-defined]
    with pytest.raises(PluginError, match=f"metric '{name}' is built in; register yours under"):
        plugins.use(Taken)
    assert describe("rmse").label == "RMSE"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contributions": lambda self, p: 1 / 0}, "metric bad: TypeError|ZeroDivisionError"),
        ({"contributions": lambda self, p: np.ones(3)}, r"expected shape \(4,\), got \(3,\)"),
        ({"contributions": lambda self, p: np.full(4, np.nan)}, "expected finite contributions"),
        ({"finish": None}, r"expected a method finish\(means\) for k contributions"),
        ({"direction": "higher"}, "expected direction as one of up, down, none, got 'higher'"),
        ({"kind": "images"}, "expected kind as one of classes, real, any, got 'images'"),
        ({"on": "train"}, "expected on as test or ood, got 'train'"),
    ],
)
def test_what_is_wrong_with_a_metric_is_said_in_one_line(
    changes: dict[str, Any], message: str
) -> None:
    bad: Any = register("bad")(dataclass(frozen=True)(type("Bad", (Root,), changes)))
    with pytest.raises(BdlbenchError, match=message) as caught:
        measure(plugins.use(bad), {"test": NORMAL})
    assert "\n" not in str(caught.value)


def test_what_is_no_metric_is_refused() -> None:
    for wrong in (object(), object):
        with pytest.raises(PluginError, match="expected a metric, a class under @register"):
            plugins.use(wrong)
