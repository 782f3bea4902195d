from __future__ import annotations

import numpy as np
import pytest

from bdlbench import registry
from bdlbench.data.examples import Examples
from bdlbench.errors import PluginError
from bdlbench.settings import parse


def load(split: str, spec: str = "gap") -> Examples:
    examples: Examples = registry.create("datasets", parse(spec)).load(split, ())
    return examples


def test_inputs_are_in_two_clusters_or_between_them() -> None:
    for split, size in (("train", 100), ("test", 400)):
        examples = load(split)
        x = examples.x[:, 0]
        assert (examples.x.shape, examples.real) == ((size, 1), True)
        left, right = (x >= -1) & (x <= -0.7), (x >= 0.5) & (x <= 1)
        assert left.sum() == right.sum() == size // 2
        assert left[-size // 10 :].any()
        assert right[-size // 10 :].any(), "in random order: both clusters are in the validation"
    between = load("test", "gap:inputs=between")
    assert ((between.x > -0.7) & (between.x < 0.5)).all()


def test_the_noise_has_the_standard_deviation_that_is_said() -> None:
    # z² has mean 1 and variance 2 if the noise is normal with σ(x) = 0.1·exp(x): five standard
    # errors, and likewise for the left cluster, where σ is a fifth of that of the right.
    examples = load("test")
    x = examples.x[:, 0].astype(np.float64)
    z = (examples.y - np.cos(4 * x + 0.8)) / (0.1 * np.exp(x))
    for part in (z, z[x < 0], z[x > 0]):
        assert abs((part**2).mean() - 1) < 5 * np.sqrt(2 / len(part))
        assert abs(part.mean()) < 5 / np.sqrt(len(part))


def test_splits_are_fixed_and_differ() -> None:
    assert load("train").sha256 == load("train").sha256
    digests = {load("train").sha256, load("test").sha256, load("test", "gap:inputs=between").sha256}
    assert len(digests) == 3
    assert not set(load("train").x.ravel()) & set(load("test").x.ravel())


def test_targets_do_not_depend_on_the_last_bits_of_the_processor() -> None:
    y = load("train").y
    assert np.array_equal(y, y.round(6))


def test_wrong_settings_and_splits_are_refused() -> None:
    with pytest.raises(PluginError, match="expected inputs of clusters or between, got middle"):
        load("test", "gap:inputs=middle")
    with pytest.raises(ValueError, match='expected the split "test" between the clusters'):
        load("train", "gap:inputs=between")
    with pytest.raises(ValueError, match="expected a split of"):
        load("validation")
