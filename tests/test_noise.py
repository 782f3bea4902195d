"""Fast noise: Gaussian, independent, and a function of the generator alone."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from bdlbench.noise import LANES, add_normal_, normal_like

SIGMA = 4.5  # standard errors: a correct generator fails one test in 150,000


def draw(count: int, seed: int = 0) -> NDArray[np.float64]:
    generator = torch.Generator().manual_seed(seed)
    return normal_like(torch.empty(count), generator).double().numpy()


def double_factorial(n: int) -> int:
    return math.prod(range(n, 0, -2))


@pytest.fixture(scope="module")
def sample() -> NDArray[np.float64]:
    return draw(8_000_000)


@pytest.mark.parametrize("order", range(1, 9))
def test_moments(sample: NDArray[np.float64], order: int) -> None:
    expected = 0 if order % 2 else double_factorial(order - 1)
    variance = double_factorial(2 * order - 1) - expected**2
    error = math.sqrt(variance / len(sample))
    assert abs((sample**order).mean() - expected) < SIGMA * error


def test_distribution(sample: NDArray[np.float64]) -> None:
    assert stats.kstest(sample, "norm").pvalue > 1e-4
    tail = stats.binomtest(int((np.abs(sample) > 4).sum()), len(sample), 2 * stats.norm.sf(4))
    assert tail.pvalue > 1e-4


@pytest.mark.parametrize("lag", [1, 2, LANES - 1, LANES, LANES + 1, 2 * LANES, 4 * LANES])
@pytest.mark.parametrize("power", [1, 2])
def test_neighbours_are_uncorrelated(sample: NDArray[np.float64], lag: int, power: int) -> None:
    """Test numbers and squares; Box–Muller pairs have a lag of LANES."""
    values = sample**power - (power == 2)
    products = values[:-lag] * values[lag:]
    error = products.std(ddof=1) / math.sqrt(len(products))
    assert abs(products.mean()) < SIGMA * error


@pytest.mark.parametrize("count", [1, 2, 63, 64, 127, 128, 129, 1000])
def test_shorter_tensors_are_filled_completely(count: int) -> None:
    columns = np.stack([draw(count, seed) for seed in range(2000)])
    means, variances = columns.mean(axis=0), columns.var(axis=0, ddof=1)
    bound = SIGMA + math.sqrt(2 * math.log(count))  # for the largest of `count` numbers
    assert np.abs(means).max() < bound / math.sqrt(2000)
    assert np.abs(variances - 1).max() < bound * math.sqrt(2 / 2000)
    neighbours = (columns[:, 1:] * columns[:, :-1]).mean(axis=0)
    assert np.abs(neighbours).max(initial=0) < bound / math.sqrt(2000), "all are independent"


def test_calls_and_seeds_are_independent() -> None:
    generator = torch.Generator().manual_seed(0)
    like = torch.empty(1_000_000)
    calls = [normal_like(like, generator).double().numpy() for _ in range(3)]
    calls += [draw(1_000_000, seed) for seed in (1, 2, 3)]
    correlations = np.corrcoef(calls)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < SIGMA / 1000
    assert len(np.unique(np.concatenate(calls))) > 5_500_000, "no two sequences overlap"


def test_the_generator_determines_the_numbers() -> None:
    assert np.array_equal(draw(1000, seed=7), draw(1000, seed=7))
    assert not np.array_equal(draw(1000, seed=7), draw(1000, seed=8))
    generator = torch.Generator().manual_seed(7)
    first, second = (normal_like(torch.empty(1000), generator) for _ in range(2))
    assert not torch.equal(first, second)


def test_torchs_default_generator_is_used_by_default() -> None:
    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(3)
        first = normal_like(torch.empty(10))
        torch.manual_seed(3)
        assert torch.equal(first, normal_like(torch.empty(10)))
    finally:
        torch.random.set_rng_state(state)


@pytest.mark.parametrize("shape", [(), (0,), (3, 5), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_shape_and_dtype_are_retained(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    drawn = normal_like(torch.empty(shape, dtype=dtype), torch.Generator().manual_seed(0))
    assert (drawn.shape, drawn.dtype) == (shape, dtype)
    assert drawn.isfinite().all()


def test_a_transposed_tensor_gets_all_of_its_noise() -> None:
    drawn = normal_like(torch.empty(100, 50).T, torch.Generator().manual_seed(0))
    assert drawn.shape == (50, 100)
    assert 0.9 < float(drawn.std()) < 1.1


@pytest.mark.parametrize("count", [1, 127, 128, 129, 1000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_added_in_place_is_the_same(count: int, dtype: torch.dtype) -> None:
    start = torch.arange(count, dtype=dtype)
    drawn = normal_like(start, torch.Generator().manual_seed(5))
    found = start.clone()
    returned = add_normal_(found, 0.5, torch.Generator().manual_seed(5))
    assert returned is found
    torch.testing.assert_close(found, start + 0.5 * drawn)


@pytest.mark.parametrize("count", [1, 127, 128, 129, 1000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("strided", [False, True])
def test_a_drift_is_added_in_the_same_pass(count: int, dtype: torch.dtype, strided: bool) -> None:
    rng = torch.Generator().manual_seed(1)
    start, drift = (torch.randn(count, dtype=dtype, generator=rng) for _ in range(2))
    expected = start.add(drift, alpha=-1e-2 / 3)
    add_normal_(expected, 0.01, torch.Generator().manual_seed(5))
    if strided:
        drift = torch.stack([drift, drift], dim=1)[:, 0]
    found = add_normal_(start, 0.01, torch.Generator().manual_seed(5), drift, -1e-2 / 3)
    # Without fused multiply-add, torch rounds a product before it is added.
    torch.testing.assert_close(found, expected, rtol=2**-22, atol=2**-24)


def test_a_drift_of_another_shape_is_never_read_past_its_end() -> None:
    with pytest.raises(RuntimeError, match="size"):
        add_normal_(torch.zeros(1000), 1.0, None, torch.zeros(10), 1.0)
    found = add_normal_(torch.zeros(1000), 0.0, None, torch.ones(1), 2.0)
    assert (found == 2).all(), "broadcast, as in torch"


def test_a_sparse_drift_is_added_too() -> None:
    drift = torch.tensor([0.0, 3.0, 0.0]).to_sparse()
    found = add_normal_(torch.zeros(3), 0.0, None, drift, -1.0)
    assert torch.equal(found, torch.tensor([0.0, -3.0, 0.0]))


def test_noise_is_added_to_a_view_in_place() -> None:
    whole = torch.zeros(50, 100)
    add_normal_(whole.T[:, 10:], 2.0, torch.Generator().manual_seed(0))
    assert (whole[:10] == 0).all()
    assert 1.9 < float(whole[10:].std()) < 2.1


@pytest.mark.slow
def test_the_numbers_are_the_same_without_a_compilation_cache(tmp_path: Path) -> None:
    draw = (
        "import torch; from bdlbench.noise import _add, normal_like; "
        "print(normal_like(torch.empty(300), torch.Generator().manual_seed(3)).tolist(), "
        "type(_add._cache).__name__)"
    )
    script = tmp_path / "script.py"
    # as numba does if neither the source's folder nor the home is writable
    script.write_text(
        "from numba.core.caching import CacheImpl\nCacheImpl._locator_classes = []\n" + draw
    )
    found = [
        subprocess.run([sys.executable, *what], capture_output=True, text=True, check=True).stdout
        for what in (["-c", draw], [str(script)])
    ]
    (numbers, kept), (same, none) = (text.rsplit(maxsplit=1) for text in found)
    assert same == numbers
    assert (kept, none) == ("FunctionCache", "NullCache")
