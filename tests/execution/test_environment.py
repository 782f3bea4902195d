"""What processes compute with: said to those that are started, and by no import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bdlbench.execution import environment
from tests.test_layout import MODULES, name

IMPORTS = """
import importlib, os, sys
from importlib.metadata import entry_points

def register(**functions):
    module = sys._getframe(1).f_globals["__name__"]
    hooks.extend([module] * module.startswith("bdlbench"))

hooks, os.register_at_fork = [], register
import arviz_stats, jax, numba, numpyro, scipy.stats, sklearn, torch  # these may
torch.optim.SGD([torch.zeros(1)])  # and so may torch's compiler, which this imports
variables, options = dict(os.environ), dict(jax.config.values)
plugins = [point.module for kind in ("samplers", "datasets", "studies")
           for point in entry_points(group=f"bdlbench.{{kind}}")]
for module in {modules} + [name for name in plugins if name.startswith("bdlbench")]:
    importlib.import_module(module)
changed = {{*variables.items()}} ^ {{*os.environ.items()}}
print(changed, [name for name in options if options[name] != jax.config.values[name]], hooks)
"""


def test_an_import_sets_no_variable_no_option_of_jax_and_no_hook() -> None:
    modules = [name(path) for path in MODULES if path.stem != "__main__"]
    unset = {"JAX", "XLA", "NPR", "OMP"}  # by the first letters
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(modules=modules)],
        env={key: value for key, value in os.environ.items() if key[:3] not in unset},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout == "set() [] []\n"


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NPROC")
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/somewhere")
    assert environment.for_jax() == {"NPROC": "1"}
    assert environment.for_runs()["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize("writable", [pytest.param(True, marks=pytest.mark.slow), False])
def test_jax_keeps_what_it_compiles_where_it_can(tmp_path: Path, writable: bool) -> None:
    program = "import os; from bdlbench.execution import environment; "
    program += "os.environ.update(environment.for_jax()); import jax; c = jax.config; "
    program += "print(c.jax_compilation_cache_dir, c.jax_compilation_cache_max_size, "
    program += "c.jax_persistent_cache_min_compile_time_secs)"
    home = tmp_path / "cache"
    home.write_text("") if not writable else home.mkdir()  # a file cannot hold a folder
    variables = {key: value for key, value in os.environ.items() if not key.startswith("JAX")}
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**variables, "XDG_CACHE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [str(home / "bdlbench" / "jax"), str(200 * 2**20), "0.1"]
    assert result.stdout.split() == expected if writable else result.stdout.startswith("None")
