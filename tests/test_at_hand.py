"""Classes and tasks of a script or a notebook, and their way to other processes."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bdlbench import at_hand, registry
from bdlbench.errors import PluginError
from bdlbench.execution import processes
from bdlbench.settings import Spec

MODULE = """
from dataclasses import dataclass
from bdlbench import register

SCALE = 0.5

def noise(x):
    return SCALE * helped(x)

def helped(x):
    return x + 1

def unrelated(x):
    return x

@register("mine")
@dataclass(frozen=True)
class Mine:
    rate: float = 0.5

    def sample(self, problem, rng):
        yield noise(self.rate)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of this text, as one beside a script is."""
    monkeypatch.setattr(registry, "_AT_HAND", {})
    monkeypatch.syspath_prepend(tmp_path)

    def load(text: str = MODULE) -> Any:
        (tmp_path / "own_module.py").write_text(text)
        importlib.invalidate_caches()
        sys.modules.pop("own_module", None)
        (tmp_path / "__pycache__" / "own_module.pyc").unlink(missing_ok=True)
        return importlib.import_module("own_module")

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield load
    sys.modules.pop("own_module", None)


def test_an_installed_class_is_referred_to_by_its_name() -> None:
    sgld = registry.load("samplers", "sgld")
    assert at_hand.refer("samplers", sgld) == Spec("sgld")
    found = at_hand.refer("samplers", sgld(step_size=1e-3))
    assert found == Spec("sgld", (("step_size", "0.001"),), complete=True)


def test_a_class_from_a_file_is_referred_to_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MODULE)
    assert at_hand.refer("samplers", registry.load("samplers", str(path))) == Spec(str(path))


def test_a_class_at_hand_is_found_here_and_in_other_processes(own: Any) -> None:
    spec = at_hand.refer("samplers", own().Mine(rate=2.0))
    assert registry.create("samplers", spec).rate == 2.0
    carried = at_hand.carry([spec.reference, "sgld", ""])
    assert carried.keys() == {spec.reference}
    assert processes.call(_noise_elsewhere, carried, spec) == 1.5


def _noise_elsewhere(carried: dict[str, bytes], spec: Spec) -> float:
    at_hand.receive(carried)
    return float(next(registry.create("samplers", spec).sample(None, None)))


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("rate: float = 0.5", "rate: float = 0.6", False),
        ("SCALE = 0.5", "SCALE = 0.6", False),
        ("return x + 1", "return x + 2", False),
        ("def unrelated(x):\n    return x", "def unrelated(x):\n    return 2 * x", True),
    ],
)
def test_the_digest_is_of_the_class_and_of_what_it_uses(
    own: Any, old: str, new: str, same: bool
) -> None:
    digests = []
    for text in (MODULE, MODULE.replace(old, new)):
        assert new in text or text is MODULE
        plugin = own(text).Mine
        reference = at_hand.refer("samplers", plugin).reference
        digests.append(registry.source_digest(plugin))
        assert reference == f"mine@{digests[-1]}"
    assert (digests[0] == digests[1]) is same


def test_a_class_that_is_no_plugin_is_refused(own: Any) -> None:
    with pytest.raises(PluginError, match=r"Path: expected a sampler, a class with sample\(\)"):
        at_hand.refer("samplers", Path)
    with pytest.raises(PluginError, match=r"Mine: expected a model, a class with build\(\)"):
        at_hand.refer("models", own().Mine)
    taken = own(MODULE.replace('"mine"', '"sgd"')).Mine
    with pytest.raises(PluginError, match="'sgd' is the name of an installed plugin"):
        at_hand.refer("samplers", taken)


def test_what_cannot_be_pickled_is_one_line() -> None:
    with pytest.raises(PluginError, match=r"^Lock: cannot be sent to another process: "):
        at_hand.hold_object("lock", Lock())


class Lock:
    def __init__(self) -> None:
        self.handle = sys._getframe()


SCRIPT = """
from dataclasses import dataclass
import numpy as np
import bdlbench
from bdlbench import Budget, Examples, Task, register
from torch import nn, randn, tanh

@register("my-langevin")
@dataclass(frozen=True)
class Mine:
    step_size: float = 1e-3

    def sample(self, problem, rng):
        theta = problem.init(rng)
        for batch, keep in problem.steps(32, rng):
            drift = self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta - drift + self.step_size**0.5 * randn(theta.shape, generator=rng)
            if keep:
                yield theta

@register("one-layer")
@dataclass(frozen=True)
class OneLayer:
    width: int = 4

    def build(self, input_shape, outputs):
        return Net(*input_shape, self.width, outputs)

class Net(nn.Module):
    def __init__(self, inputs, width, outputs):
        super().__init__()
        self.first, self.last = nn.Linear(inputs, width), nn.Linear(width, outputs)

    def forward(self, x):
        return self.last(tanh(self.first(x)))

class Clouds:
    def load(self, split, folders):
        rng = np.random.default_rng(split == "test")
        y = rng.integers(0, 3, 90)
        return Examples(rng.normal(size=(90, 4)) + 2 * y[:, None], y, classes=3)

class Far:
    def load(self, split, folders):
        return Examples(np.random.default_rng(5).normal(size=(50, 4)) - 9)

@dataclass(frozen=True)
class MyTask(Task):
    name: str = "clouds"
    dataset: object = Clouds()
    model: object = OneLayer()
    budget: Budget = Budget(4, 6)
    ood: object = None

    def __post_init__(self):
        object.__setattr__(self, "ood", {"far": Far()})
        super().__post_init__()

for _ in range(2):
    found = bdlbench.compare([Mine(step_size=2e-3), Mine], task=MyTask, seeds=1)
    for row in found.rows:
        print(row.sampler, row.outcomes, row.reused, "ood.far.auroc" in row.metrics)
wide = bdlbench.compare(Mine, task=MyTask(), model=OneLayer(width=5), seeds=1)
print(wide.setup.model, wide.rows[0].outcomes)
"""


@pytest.mark.slow
def test_a_script_compares_its_own_sampler_task_data_and_model(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    first, second = "my-langevin:step_size=0.002", "my-langevin:step_size=0.001"
    assert ended.stdout.splitlines() == [
        *(f"{name} {{'completed': 1}} 0 True" for name in (first, second)),
        *(f"{name} {{'completed': 1}} 1 True" for name in (first, second)),
        "one-layer:width=5 {'completed': 1}",
    ]
