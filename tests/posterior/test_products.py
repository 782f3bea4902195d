"""Products are the same whichever library multiplies."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from bdlbench.posterior import products


@pytest.fixture
def one_dnn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let oneDNN multiply, whatever the processor is."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(products, "_processor", lambda: ("AuthenticAMD", products.ZEN_5))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(products, "SMALL", 0)
    products._one_dnn.cache_clear()
    yield
    products._one_dnn.cache_clear()


def matrix(rows: int, columns: int, transposed: bool) -> Tensor:
    rng = torch.Generator().manual_seed(rows + columns)
    if transposed:
        return torch.randn(columns, rows, generator=rng).T
    return torch.randn(rows, columns, generator=rng)


@pytest.mark.usefixtures("one_dnn")
@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("bias", [False, True])
def test_one_dnn_s_product_is_torch_s(transposed: tuple[bool, bool], bias: bool) -> None:
    assert products._one_dnn(copied=True) is not None
    a, b = matrix(31, 17, transposed[0]), matrix(17, 23, transposed[1])
    added = torch.randn(23) if bias else None
    expected = a.double() @ b.double() + (0 if added is None else added.double())
    flat = torch.full((3 + 31 * 23,), torch.nan)
    out = flat[3:].view(31, 23)
    with torch.no_grad():
        for product in (products.multiply(a, b, added), products.multiply(a, b, added, out)):
            torch.testing.assert_close(product.double(), expected, rtol=1e-5, atol=1e-5)
        rectified = products.multiply(a, b, added, relu=True)
        torch.testing.assert_close(rectified.double(), expected.relu(), rtol=1e-5, atol=1e-5)
    assert out.isfinite().all()
    assert flat[:3].isnan().all()


@pytest.mark.parametrize("chains", [1, 3])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("relu", [False, True])
def test_every_chain_is_multiplied_with_its_own(chains: int, biased: bool, relu: bool) -> None:
    a, b, bias = torch.randn(chains, 5, 4), torch.randn(chains, 4, 3), torch.randn(chains, 3)
    added = [row if biased else None for row in bias]
    alone = [products.multiply(*each, relu=relu) for each in zip(a, b, added, strict=True)]
    given, out = bias if biased else None, torch.empty(chains, 5, 3)
    torch.testing.assert_close(products.multiply(a, b, given, relu=relu), torch.stack(alone))
    products.multiply(a, b, given, out, relu)
    torch.testing.assert_close(out, torch.stack(alone))


@pytest.mark.usefixtures("one_dnn")
def test_where_a_gradient_is_wanted_there_is_one() -> None:
    a = matrix(4, 3, False).requires_grad_()
    products.multiply(a, matrix(3, 2, False)).sum().backward()
    assert a.grad is not None
    torch.testing.assert_close(a.grad, matrix(3, 2, False).sum(1).expand(4, 3))


@pytest.mark.parametrize(
    ("vendor", "capability"), [("GenuineIntel", "AVX512"), ("AuthenticAMD", "AVX2"), ("", "AVX512")]
)
def test_elsewhere_torch_multiplies(
    monkeypatch: pytest.MonkeyPatch, one_dnn: None, vendor: str, capability: str
) -> None:
    monkeypatch.setattr(products, "_processor", lambda: (vendor, products.ZEN_5))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert products._one_dnn(copied=False) is None


def test_a_copy_is_worth_it_only_where_one_dnn_is_far_ahead(
    monkeypatch: pytest.MonkeyPatch, one_dnn: None
) -> None:
    monkeypatch.setattr(products, "_processor", lambda: ("AuthenticAMD", products.ZEN_5 - 1))
    assert products._one_dnn(copied=False) is not None
    assert products._one_dnn(copied=True) is None


@pytest.mark.parametrize("operator", [None, lambda *arguments: torch.zeros(2, 2), lambda: None])
def test_an_operator_that_has_changed_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, one_dnn: None, operator: object
) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace(_linear_pointwise=operator))
    assert products._one_dnn(copied=False) is None
    with torch.no_grad():
        product = products.multiply(matrix(4, 3, False), matrix(3, 2, False))
    torch.testing.assert_close(product, matrix(4, 3, False) @ matrix(3, 2, False))
