from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO

import pytest
import torch
from torch import Tensor

from bdlbench.errors import Diverged, RecordError
from bdlbench.runs.draws import Draws


def states(count: int, chains: int, dim: int) -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(chains, dim, generator=rng) for _ in range(count)]


@pytest.mark.parametrize(("chains", "dim"), [(1, 7), (3, 5), (1, 1), (2, 100_000)])
def test_draws_are_read_in_order(chains: int, dim: int) -> None:
    added = states(4, chains, dim)
    with Draws(chains, dim) as draws:
        for theta in added:
            draws.add(theta)
        assert len(draws) == 4 * chains
        for _ in range(2):
            found = list(draws)
            assert [draw.shape for draw in found] == [(dim,)] * (4 * chains)
            torch.testing.assert_close(torch.stack(found), torch.cat(added), rtol=0, atol=0)


def test_draws_can_be_added_after_reading() -> None:
    first, second = states(2, 1, 3)
    with Draws(1, 3) as draws:
        assert not list(draws)
        draws.add(first)
        assert len(list(draws)) == 1
        draws.add(second)
        assert torch.equal(torch.stack(list(draws)), torch.cat([first, second]))


def test_draws_are_copied() -> None:
    theta = torch.tensor([[1.0, 2.0]], requires_grad=True)
    with Draws(1, 2) as draws:
        draws.add(theta)
        with torch.no_grad():
            theta.zero_()
        next(iter(draws)).zero_()
        assert [draw.tolist() for draw in draws] == [[1, 2]]


def test_a_draw_need_not_be_contiguous() -> None:
    theta = torch.arange(6.0).reshape(3, 2).T
    with Draws(2, 3) as draws:
        draws.add(theta)
        assert [draw.tolist() for draw in draws] == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize(
    ("theta", "got"),
    [
        (torch.zeros(3), "(3,) and torch.float32"),
        (torch.zeros(1, 3), "(1, 3) and torch.float32"),
        (torch.zeros(3, 2), "(3, 2) and torch.float32"),
        (torch.zeros(2, 3, 1), "(2, 3, 1) and torch.float32"),
        (torch.zeros(2, 3, dtype=torch.float64), "(2, 3) and torch.float64"),
        (torch.zeros(2, 3, dtype=torch.int32), "(2, 3) and torch.int32"),
    ],
)
def test_a_wrong_shape_or_dtype_is_refused(theta: Tensor, got: str) -> None:
    with Draws(2, 3) as draws:
        with pytest.raises(ValueError, match=r"^expected draws of shape \(2, 3\)") as caught:
            draws.add(theta)
        assert str(caught.value).endswith(f"and type torch.float32, got {got}")
        assert len(draws) == 0


@pytest.mark.parametrize("theta", [None, [[0.0, 0.0]], torch.zeros(1, 2).numpy()])
def test_other_types_are_refused(theta: object) -> None:
    name = type(theta).__name__
    with (
        Draws(1, 2) as draws,
        pytest.raises(ValueError, match=rf"^expected draws that are tensors, got {name}$"),
    ):
        draws.add(theta)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_nonfinite_draws_have_diverged(value: float) -> None:
    with Draws(2, 3) as draws:
        draws.add(torch.zeros(2, 3))
        theta = torch.zeros(2, 3)
        theta[1, 2] = value
        with pytest.raises(Diverged, match=r"^θ is not finite$"):
            draws.add(theta)
        assert len(draws) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("dim", [3, 100_000])  # below and above Python's buffer size
def test_a_full_disk_error_names_the_folder(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(prefix: str) -> IO[bytes]:
        return Path("/dev/full").open("w+b")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(RecordError) as caught, Draws(1, dim) as draws:
        draws.add(torch.zeros(1, dim))
    assert str(caught.value) == (
        f"cannot store draws in {tempfile.gettempdir()} (No space left on device); "
        "free space there, or set TMPDIR to a larger folder"
    )


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Draws(1, 3) as draws:
        draws.add(torch.zeros(1, 3))
        if os.name == "posix":
            assert not list(tmp_path.iterdir()), "unnamed: deleted even if the process is killed"
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="closed file"):
        list(draws)
