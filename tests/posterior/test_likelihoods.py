"""Likelihoods, compared with torch.distributions and autograd in double precision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest
import torch
from torch import Tensor, distributions

from bdlbench.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    Heteroscedastic,
    LearntGaussian,
    Likelihood,
    StudentT,
    label,
)
from bdlbench.posterior.likelihoods import slope

RNG = torch.Generator().manual_seed(0)
SHAPE = 2, 50  # chains, inputs


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=RNG, dtype=torch.float64)


REAL, BINARY = 2 * normal(*SHAPE), torch.randint(2, SHAPE, generator=RNG)
ONE, TWO, FOUR = normal(*SHAPE, 1), normal(*SHAPE, 2), normal(*SHAPE, 4)
CONSTANT = torch.stack([ONE[..., 0], normal(2, 1).expand(SHAPE)], dim=-1)
# By likelihood: outputs, y, and the distribution of y.
CASES: list[tuple[Likelihood, Tensor, Tensor, distributions.Distribution]] = [
    (
        Categorical(),
        FOUR,
        torch.randint(4, SHAPE, generator=RNG),
        distributions.Categorical(logits=FOUR),
    ),
    (Bernoulli(), ONE, BINARY, distributions.Bernoulli(logits=ONE[..., 0])),
    (Gaussian(0.6), ONE, REAL, distributions.Normal(ONE[..., 0], 0.6)),
    (
        LearntGaussian(0.4, 3.0),
        CONSTANT,
        REAL,
        distributions.Normal(CONSTANT[..., 0], 0.4 * torch.exp(3 * CONSTANT[..., 1])),
    ),
    (
        Heteroscedastic(0.4),
        TWO,
        REAL,
        distributions.Normal(TWO[..., 0], 0.4 * torch.exp(TWO[..., 1])),
    ),
    (StudentT(3.0, 0.7), ONE, REAL, distributions.StudentT(3.0, ONE[..., 0], 0.7)),
]
EACH = pytest.mark.parametrize(
    ("likelihood", "outputs", "y", "known"), CASES, ids=[label(case[0]) for case in CASES]
)


@EACH
def test_it_is_the_log_density_of_a_known_distribution(
    likelihood: Likelihood, outputs: Tensor, y: Tensor, known: distributions.Distribution
) -> None:
    expected = known.log_prob(y.double())
    found = likelihood.log_prob(outputs, y)
    assert found.shape == SHAPE
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@EACH
def test_its_slope_is_the_derivative(
    likelihood: Likelihood, outputs: Tensor, y: Tensor, known: distributions.Distribution
) -> None:
    given, leaf = outputs.clone(), outputs.clone().requires_grad_()
    (expected,) = torch.autograd.grad(likelihood.log_prob(leaf, y).sum(), leaf)
    found = slope(likelihood, outputs, y)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)
    assert torch.equal(outputs, given)
    found.mul_(2)  # a new tensor, which may be changed
    assert torch.equal(outputs, given)


@EACH
def test_what_is_kept_of_a_prediction_gives_the_density(
    likelihood: Likelihood, outputs: Tensor, y: Tensor, known: distributions.Distribution
) -> None:
    if likelihood.kind == "classes":
        log_p = likelihood.log_probabilities(outputs)  # type: ignore[attr-defined]
        chosen = log_p.gather(-1, y[..., None])[..., 0]
        torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(SHAPE, dtype=torch.float64))
    else:
        location, scale = likelihood.location_scale(outputs)  # type: ignore[attr-defined]
        df = likelihood.df  # type: ignore[attr-defined]
        assert location.shape == scale.shape == SHAPE
        family = (
            distributions.Normal(location, scale)
            if math.isinf(df)
            else distributions.StudentT(df, location, scale)
        )
        chosen = family.log_prob(y)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(chosen, known.log_prob(y.double()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("likelihood", [Gaussian(0.6), StudentT(3.0, 0.7), Bernoulli()])
def test_far_outliers_and_sure_logits_stay_finite(likelihood: Likelihood) -> None:
    outputs = torch.tensor([[[-1e4], [1e4]]])
    y = torch.tensor([[1, 0]]) if likelihood.kind == "classes" else torch.zeros(1, 2)
    assert likelihood.log_prob(outputs, y).isfinite().all()
    assert slope(likelihood, outputs, y).isfinite().all()


@dataclass(frozen=True)
class Laplace:
    """A likelihood of a user's own, without a slope."""

    scale: float = 0.5
    kind: ClassVar[Literal["real"]] = "real"
    constants: ClassVar[int] = 0

    def outputs(self, classes: int | None) -> int:
        return 1

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        return distributions.Laplace(outputs[..., 0], self.scale).log_prob(y)


def test_without_a_slope_it_is_differentiated() -> None:
    with torch.no_grad():  # as samplers call it
        found = slope(Laplace(), ONE, REAL)
    torch.testing.assert_close(found, ((REAL[..., None] - ONE).sign() / 0.5))
    assert not found.requires_grad


@pytest.mark.parametrize(
    ("likelihood", "classes", "outputs"),
    [
        (Categorical(), 7, 7),
        (Bernoulli(), 2, 1),
        (Gaussian(1.0), None, 1),
        (LearntGaussian(), None, 1),
        (Heteroscedastic(), None, 2),
        (StudentT(), None, 1),
    ],
)
def test_it_says_how_many_outputs_it_needs(
    likelihood: Likelihood, classes: int | None, outputs: int
) -> None:
    assert likelihood.outputs(classes) == outputs
    assert likelihood.constants == (1 if isinstance(likelihood, LearntGaussian) else 0)
    other = 3 if classes is None else None
    expected = "expected real targets, got 3 classes: use Categorical" if other else (
        "expected classes, got real targets: use Gaussian")  # fmt: skip
    with pytest.raises(ValueError, match=expected):
        likelihood.outputs(other)


@pytest.mark.parametrize(
    ("likelihood", "expected"),
    [
        (Categorical(), "categorical"),
        (Gaussian(0.5), "gaussian:noise_std=0.5"),
        (LearntGaussian(), "learnt-gaussian:noise_std=0.5,spread=3.0"),
        (StudentT(4.0, 0.5), "student-t:df=4.0,scale=0.5"),
        (Laplace(), "laplace:scale=0.5"),
    ],
)
def test_its_label_names_its_settings(likelihood: Likelihood, expected: str) -> None:
    assert label(likelihood) == expected


@pytest.mark.parametrize("kind", [Gaussian, LearntGaussian, Heteroscedastic])
@pytest.mark.parametrize("noise_std", [0.0, -1.0, math.nan])
def test_a_scale_must_be_positive(kind: type[Gaussian], noise_std: float) -> None:
    with pytest.raises(ValueError, match="expected noise_std > 0"):
        kind(noise_std)
