"""The code gives the numbers that it is declared to give."""

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


def test_every_built_in_sampler_has_its_goldens() -> None:
    assert sorted(goldens.SAMPLERS) == registry.names("samplers")
    assert sorted(numerics.declared().samplers) == sorted(
        path.stem for path in numerics.sampler_files()
    )


class SlightlyWrong:
    """The module `math` with roots of numbers that are 1.0000001 times as large."""

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
def test_noise_that_is_off_by_a_twenty_millionth_is_found_on_every_processor(
    monkeypatch: pytest.MonkeyPatch,
    part: Callable[[], Iterator[tuple[str, Golden]]],
    names: list[str],
) -> None:
    monkeypatch.setattr(optim, "math", SlightlyWrong)
    told = acceptance.moved(dict(part()), acceptance.read(), "an environment that nobody knows")
    moved = [line for line in told if "float64: " in line and not line.endswith("is gone")]
    for name in names:
        assert any(name in line for line in moved), moved


@pytest.mark.slow
def test_goldens_hold_without_vector_instructions() -> None:
    usable = [
        name for name in capabilities.__cpu_dispatch__ if capabilities.__cpu_features__.get(name)
    ]
    reduced = {"NPY_DISABLE_CPU_FEATURES": " ".join(usable), "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run(
        [sys.executable, "-m", "bdlbench", "numerics", "--check"],
        env=os.environ | reduced, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.endswith("all goldens are reproduced\n"), done.stdout + done.stderr
