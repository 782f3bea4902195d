from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from scipy.stats import entropy
from torch import Tensor

from bdlbench import metrics
from bdlbench.data.examples import Examples
from bdlbench.data.scaler import Scaler
from bdlbench.errors import Diverged
from bdlbench.posterior import models
from bdlbench.posterior.likelihoods import StudentT
from bdlbench.posterior.models import Network
from bdlbench.records import quantization
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import Predictions
from bdlbench.records.quantization import PRECISION
from bdlbench.runs import evaluate
from bdlbench.runs.draws import Draws

CPU = torch.device("cpu")
MLP = models.build("mlp-5")
SOFTMAX = models.build("softmax")
SCALER = Scaler(np.array(0.2), np.array(0.3))


def images(n: int, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    return Examples(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), rng.integers(0, 10, n), 10)


def draws(network: Network, n: int, chains: int = 1) -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [3 * network.init(chains, rng) for _ in range(n)]


def predict(network: Network, thetas: list[Tensor], inputs: Examples) -> Predictions:
    found = evaluate.predict(network, [t.flatten() for t in thetas], {"a": inputs}, SCALER, CPU)
    return found["a"]


def history(thetas: list[Tensor], inputs: Examples) -> Predictions:
    """Predict the test set, with the history."""
    flat, epochs = [theta.flatten() for theta in thetas], [10.0 + i for i in range(len(thetas))]
    return evaluate.predict(MLP, flat, {"test": inputs}, SCALER, CPU, epochs=epochs)["test"]


def by_torch(network: Network, thetas: list[Tensor], inputs: Examples) -> NDArray[np.float64]:
    """Return probabilities (draws, inputs, classes), computed with torch's own module."""
    module = copy.deepcopy(network.module).to_empty(device="cpu")
    x = torch.from_numpy(((inputs.x / 255 - 0.2) / 0.3).astype("f4"))
    logits = []
    for theta in thetas:
        torch.nn.utils.vector_to_parameters(theta.flatten(), module.parameters())
        logits.append(module(x).detach().double().numpy())
    return np.asarray(softmax(logits, axis=-1))


def constant(probabilities: list[float]) -> Tensor:
    """Return a θ of the softmax model that predicts these probabilities for every input."""
    return torch.cat([torch.zeros(SOFTMAX.dim - 10), torch.tensor(probabilities).log()])


@pytest.mark.parametrize("name", ["softmax", "mlp-5", "mlp-6-4", "lenet5"])
def test_the_average_is_that_of_torch(name: str) -> None:
    network, inputs = models.build(name), images(6)
    thetas = draws(network, 4)
    p, found = by_torch(network, thetas, inputs), predict(network, thetas, inputs)
    assert np.ptp(p, axis=0).max() > 0.05, "the draws must differ"
    np.testing.assert_allclose(found.log_probabilities, np.log(p.mean(0)), rtol=PRECISION)
    information = entropy(p.mean(0), axis=1) - entropy(p, axis=2).mean(0)
    stored = metrics.predictive_entropy(found.probabilities) - found.expected_entropy
    np.testing.assert_allclose(stored, information, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.expected_entropy, entropy(p, axis=2).mean(0), rtol=0.01)
    np.testing.assert_array_equal(found.votes, p.argmax(2))
    np.testing.assert_array_equal(found.labels, inputs.y)


def test_probabilities_are_averaged_not_logits() -> None:
    confident, uncertain = [0.91, *[0.01] * 9], [0.19, *[0.09] * 9]
    found = predict(SOFTMAX, [constant(confident), constant(uncertain)], images(2))
    expected = [[0.55, *[0.05] * 9]] * 2  # averaging logits would give 0.59
    np.testing.assert_allclose(found.log_probabilities, np.log(expected), rtol=PRECISION)
    by_hand = entropy(expected[0]) - (entropy(confident) + entropy(uncertain)) / 2
    stored = metrics.predictive_entropy(found.probabilities) - found.expected_entropy
    np.testing.assert_allclose(stored, by_hand, rtol=1e-5)


def test_every_set_is_predicted_with_every_draw() -> None:
    sets = {"test": images(5, 1), "b": images(3, 2), "a": images(4, 3)}
    thetas, calls = draws(MLP, 3), []
    vectors = (theta.flatten() for theta in thetas)  # a one-pass iterator
    found = evaluate.predict(MLP, vectors, sets, SCALER, CPU, lambda: calls.append(1))
    assert list(found) == list(sets)
    assert len(calls) == 3
    for name, inputs in sets.items():
        alone = predict(MLP, thetas, inputs)
        np.testing.assert_array_equal(found[name].log_probabilities, alone.log_probabilities)
        np.testing.assert_array_equal(found[name].votes, alone.votes)
        np.testing.assert_array_equal(found[name].labels, inputs.y)


@pytest.mark.parametrize("rows", [1, 3, 4, 8, 9])
def test_inputs_are_predicted_in_chunks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Watched(Network):
        def __call__(self, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
            seen.append(x.shape[1])
            return super().__call__(parameters, x)

    seen: list[int] = []
    thetas, inputs = draws(MLP, 2), images(8)
    whole = predict(MLP, thetas, inputs)
    monkeypatch.setattr(evaluate, "ROWS", rows)
    parts = predict(Watched(MLP.module), thetas, inputs)
    assert max(seen) == min(rows, 8)
    assert sum(seen) == 2 * 8
    np.testing.assert_allclose(parts.log_probabilities, whole.log_probabilities, rtol=1e-5)
    np.testing.assert_array_equal(parts.votes, whole.votes)


@pytest.mark.parametrize("gap", [10, 60, 200])
def test_extreme_logits_do_not_tie(gap: float) -> None:
    """Logits that differ by 0.5 % are ranked, although 1 − p underflows from a gap of 37."""
    values = np.arange(200, 220)
    pixels = np.zeros((20, 28, 28), np.uint8)
    pixels[:, 0, 0] = values
    weight = torch.zeros(10, 784)
    weight[3, 0] = gap * 255 / 220
    theta = torch.cat([weight.flatten(), torch.zeros(10)])
    sets = {"a": Examples(pixels, np.zeros(20, np.int64), 10)}
    found = evaluate.predict(
        SOFTMAX, [theta, theta], sets, Scaler(np.array(0.0), np.array(1.0)), CPU
    )["a"]
    logits = np.zeros((20, 10))
    logits[:, 3] = gap * values / 220
    uncertainty = metrics.max_probability(found.probabilities)
    rounding = float(np.expm1(1.1 * PRECISION * gap))  # of p, where log p = −gap
    np.testing.assert_allclose(uncertainty, 1 / (1 + np.exp(logits[:, 3]) / 9), rtol=rounding)
    assert np.all(np.diff(uncertainty) < 0)
    assert np.all(np.diff(metrics.predictive_entropy(found.probabilities)) < 0)
    expected = -(softmax(logits, axis=1) * log_softmax(logits, axis=1)).sum(1)
    np.testing.assert_allclose(found.expected_entropy, expected, rtol=rounding, atol=1e-38)
    information = metrics.mutual_information(found.probabilities, found.expected_entropy)
    assert not information.any(), "0 for equal draws, despite rounding"


@pytest.mark.parametrize("scale", [1e30, 3e38])
def test_finite_draws_whose_outputs_overflow_have_diverged(scale: float) -> None:
    theta = scale * torch.sign(draws(MLP, 1)[0])
    assert theta.isfinite().all()
    with pytest.raises(Diverged, match=r"^the model's outputs are not finite$"):
        predict(MLP, [theta], images(3))


def test_equal_draws_give_bitwise_identical_predictions() -> None:
    first, second = (history(draws(MLP, 3), images(7)) for _ in range(2))
    for name, array in vars(first).items():
        assert array.tobytes() == getattr(second, name).tobytes(), name


def test_draws_of_all_chains_are_averaged() -> None:
    thetas, inputs = draws(MLP, 2, chains=3), images(6)
    with Draws(3, MLP.dim) as stored:
        for theta in thetas:
            stored.add(theta)
        found = evaluate.predict(MLP, stored, {"a": inputs}, SCALER, CPU)["a"]
    p = by_torch(MLP, list(torch.cat(thetas)), inputs)
    assert len(found.votes) == len(p) == 6
    np.testing.assert_allclose(found.log_probabilities, np.log(p.mean(0)), rtol=PRECISION)
    np.testing.assert_array_equal(found.votes, p.argmax(2))


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_the_history_averages_the_first_draws(n: int) -> None:
    thetas, inputs = draws(MLP, n), images(250)
    p, found = by_torch(MLP, thetas, inputs), history(thetas, inputs)
    assert found.trace is not None
    assert found.curve is not None
    assert found.epochs is not None
    chosen = np.log(p[:, np.arange(200), inputs.y[:200]])
    np.testing.assert_allclose(found.trace, chosen, rtol=1.1 * PRECISION, atol=1e-6)
    points = [k for k in (1, 2, 4) if k < n]
    assert len(found.curve) == len(points)
    for k, point in zip(points, found.curve, strict=True):
        np.testing.assert_allclose(point, np.log(p[:k].mean(0)), rtol=1.5 * PRECISION, atol=1e-6)
    np.testing.assert_array_equal(found.epochs, 10 + np.arange(n))


def test_only_the_in_distribution_set_has_a_history() -> None:
    sets = {"test": images(5), "letters": images(4)}
    flat = [theta.flatten() for theta in draws(MLP, 2)]
    found = evaluate.predict(MLP, flat, sets, SCALER, CPU, epochs=[1.0, 2.0])
    assert found["test"].trace is not None
    assert found["letters"].trace is None
    assert evaluate.predict(MLP, flat, sets, SCALER, CPU)["test"].trace is None


def test_densities_of_every_draw_are_in_units_of_the_target() -> None:
    rng = np.random.default_rng(0)
    table = Examples(rng.normal(size=(7, 3)).astype("f4"), rng.normal(50, 9, 7))
    scaler = Scaler(np.zeros(3), np.ones(3), target_mean=50.0, target_std=9.0)
    network = models.network("softmax", (3,), 1)
    thetas = [theta.flatten() for theta in draws(network, 4)]
    found = evaluate.predict(
        network, thetas, {"test": table, "far": table}, scaler, CPU, epochs=[1.0, 2.0, 3.0, 4.0],
        likelihood=StudentT(df=3.0, scale=0.5),
    )  # fmt: skip
    inside, outside = found["test"], found["far"]
    assert isinstance(inside, Densities)
    assert isinstance(outside, Densities)
    for theta, location in zip(thetas, inside.location, strict=True):
        standardised = table.x @ theta[:3].numpy() + theta[3].numpy()
        np.testing.assert_allclose(location, 50 + 9 * standardised, rtol=1e-5)
    np.testing.assert_allclose(inside.scale, 4.5)
    np.testing.assert_array_equal(inside.targets, table.y)
    assert float(inside.df) == 3
    assert inside.epochs is not None
    assert outside.epochs is None


@pytest.mark.parametrize("value", [-1e-40, -1e-7, -0.7, -2.3, -87.0, 0.0])
def test_rounding_is_precise_and_short(value: float) -> None:
    values = value * np.linspace(1, 2, 1001)
    rounded = quantization.shorten(values)
    np.testing.assert_allclose(rounded, values, rtol=PRECISION, atol=1e-44)
    assert len(set(rounded.tolist())) <= 2**8 + 1, "8 bits of the mantissa"


def test_the_history_is_that_of_the_first_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    thetas, inputs = draws(MLP, 5), images(9)
    whole = history(thetas, inputs)
    monkeypatch.setattr(evaluate, "FOLLOWED", 4)
    part = history(thetas, inputs)
    assert whole.curve is not None
    np.testing.assert_array_equal(part.curve, whole.curve[:, :4], strict=True)
    np.testing.assert_array_equal(part.votes, whole.votes[:, :4], strict=True)
    np.testing.assert_array_equal(part.log_probabilities, whole.log_probabilities)
    spent, points = part.course()
    assert (spent.tolist(), [point.shape for point in points]) == ([10, 11, 13, 14], [(4, 10)] * 4)
