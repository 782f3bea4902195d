"""Multiply matrices with the library that is quicker on this processor.

On x86 torch multiplies with MKL, which leaves the AVX-512 units of AMD's processors idle; oneDNN,
which torch brings along as well, uses them. Where they are 512 bits wide (Zen 5) it takes half the
time, where they are 256 bits wide (Zen 4) a twentieth less, which is lost again where the product
must be copied to its place. The rule goes by the processor, not by a measurement: the numbers of a
run must not depend on what the machine did at that moment.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SMALL = 4_000_000  # multiplications, below which oneDNN's longer start is not made up for
ZEN_5 = 26  # AMD's number of the processor family


def multiply(
    a: Tensor,
    b: Tensor,
    bias: Tensor | None = None,
    out: Tensor | None = None,
    relu: bool = False,
) -> Tensor:
    """Return ab + bias of matrices a (n, k) and b (k, m), in `out` if it is given.

    With `relu`, what is negative becomes 0.

    All may have a first axis of chains, and each is then multiplied with its own. Large products
    of float32 on the CPU go to oneDNN where it pays, and have no gradient there.
    """
    if a.dim() == 3 and len(a) == 1:  # a plain product is quicker than a batch of one
        bias, out = None if bias is None else bias[0], None if out is None else out[0]
        return multiply(a[0], b[0], bias, out, relu)[None]
    operator = _one_dnn(copied=out is not None) if _suits(a, b) else None
    if operator is not None:  # pragma: no cover -- on processors of another kind
        product: Tensor = operator(a, b.T, bias, "relu" if relu else "none", [], "")
        return product if out is None else out.copy_(product)
    if a.dim() == 3:
        rows = None if bias is None else bias[:, None]
        product = torch.bmm(a, b, out=out) if rows is None else torch.baddbmm(rows, a, b, out=out)
    else:
        product = torch.mm(a, b, out=out) if bias is None else torch.addmm(bias, a, b, out=out)
    return product.relu_() if relu else product


def _suits(a: Tensor, b: Tensor) -> bool:
    return (
        a.dim() == 2
        and a.numel() * b.shape[1] >= SMALL
        and a.dtype == b.dtype == torch.float32
        and a.device.type == "cpu"
        and not torch.is_grad_enabled()
    )


@cache
def _one_dnn(copied: bool) -> Any:
    """Return oneDNN's product of a and the transpose of b, or None where it does not pay.

    It is a private operator of torch: where a version has another or none, MKL does the work.

    Args:
        copied: Whether the product is to be copied to its place; the operator has no say in it.
    """
    vendor, family = _processor()
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or vendor != "AuthenticAMD":
        return None
    return _working_one_dnn(copied, family)  # pragma: no cover -- likewise


def _working_one_dnn(copied: bool, family: int) -> Any:  # pragma: no cover -- likewise
    if copied and family < ZEN_5:
        return None
    operator = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    try:
        right = torch.ones(2, 3)
        works = operator is not None and torch.equal(
            operator(right, right, None, "none", [], ""), right @ right.T
        )
    except (RuntimeError, TypeError, NotImplementedError):
        return None
    return operator if works else None


def _processor() -> tuple[str, int]:
    """Return the processor's maker, as it spells itself, and family; "" and 0 where unknown."""
    info = Path("/proc/cpuinfo")
    if platform.system() != "Linux" or not info.exists():  # pragma: no cover -- likewise
        return "", 0
    lines = (line.partition(":") for line in info.read_text("utf-8", "replace").splitlines())
    found = {name.strip(): value.strip() for name, _, value in lines}
    return found.get("vendor_id", ""), int(found.get("cpu family", 0))
