"""The code reproduces its goldens."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from numpy._core import _multiarray_umath as capabilities  # type: ignore[attr-defined]

from bdlbench import optim, registry
from bdlbench.runs import acceptance, goldens, numerics
from bdlbench.runs.rounding import Golden


def test_all_goldens_hold() -> None:
    assert acceptance.check() == []


def test_every_built_in_sampler_has_goldens() -> None:
    assert sorted(goldens.SAMPLERS) == registry.names("samplers")
    assert sorted(numerics.declared().samplers) == sorted(
        path.stem for path in numerics.sampler_files()
    )


class SlightlyWrong:
    """The `math` module, with a relative error of 5e-8 in `sqrt`."""

    cos, pi, inf = math.cos, math.pi, math.inf

    @staticmethod
    def sqrt(x: float) -> float:
        return math.sqrt(x * 1.0000001)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        (goldens._samplers, ["csgld", "psgld", "sghmc", "sgld"]),
        (goldens._optimizers, ["PSGLD", "SGHMC", "SGLD"]),
    ],
)
def test_a_relative_error_of_5e_8_in_the_noise_is_detected_on_every_processor(
    monkeypatch: pytest.MonkeyPatch,
    part: Callable[[], Iterator[tuple[str, Golden]]],
    names: list[str],
) -> None:
    monkeypatch.setattr(optim, "math", SlightlyWrong)
    lines = acceptance.moved(dict(part()), acceptance.read(), "an unknown environment")
    changed = [line for line in lines if "float64: " in line and not line.endswith("missing")]
    for name in names:
        assert any(name in line for line in changed), changed


@pytest.mark.slow
def test_goldens_hold_without_vector_instructions() -> None:
    enabled = [
        name for name in capabilities.__cpu_dispatch__ if capabilities.__cpu_features__.get(name)
    ]
    reduced = {"NPY_DISABLE_CPU_FEATURES": " ".join(enabled), "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run(
        [sys.executable, "-m", "bdlbench", "numerics", "--check"],
        env=os.environ | reduced, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.endswith("all goldens are reproduced\n"), done.stdout + done.stderr
