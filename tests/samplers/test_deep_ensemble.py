"""Deep ensembles: different initialisations, equal budgets, all at the mode."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bdlbench import registry
from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

EXACT = linear_regression()


def sample(budget: Budget, chains: int = 1, **settings: float) -> tuple[list[float], Tensor]:
    """Return the progress at which each member was yielded, and the members."""
    problem = Problem(EXACT.posterior, budget, chains=chains)
    plugin = registry.configure(
        registry.load("samplers", "deep-ensemble"), {"batch_size": 10, **settings}
    )
    sampled = plugin.sample(problem, torch.Generator().manual_seed(1))
    pairs = [(problem.progress, theta.double().clone()) for theta in sampled]
    return [progress for progress, _ in pairs], torch.stack([theta for _, theta in pairs])


@pytest.mark.parametrize(("members", "draws", "expected"), [(5, 20, 5), (4, 4, 4), (5, 2, 2)])
def test_members_share_the_budget_and_do_not_exceed_the_draws(
    members: int, draws: int, expected: int
) -> None:
    progress, found = sample(Budget(40, draws), members=members)
    assert progress == pytest.approx([(i + 1) / expected for i in range(expected)], abs=5e-3)
    assert len(found) == expected


def test_members_start_at_different_points() -> None:
    _, members = sample(Budget(10, 5), learning_rate=1e-12)  # virtually no training
    assert len(members.unique(dim=0)) == 5
    assert members.std(0).min() > 0.1


def test_every_member_of_every_chain_ends_at_the_mode() -> None:
    # The jitter is this small only if η decays to 0 within the share of each member.
    _, members = sample(Budget(5 * 80 * 3, 5), chains=3)
    assert members.shape == (5, 3, 2)
    error = (members - EXACT.mean).abs() / EXACT.covariance.diagonal().sqrt()
    assert error.max() < 0.15
