"""The catalogue: every entry is a plugin, which runs where its library is installed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch

from bdlbench import registry
from bdlbench.checks import CHECKS
from bdlbench.checks.global_state import watched
from bdlbench.peers.catalogue import PEERS
from bdlbench.peers.certify import installed
from bdlbench.peers.peer import PLUGINS, Peer
from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_every_plugin_file_is_in_the_catalogue_once() -> None:
    files = [peer.plugin for peer in PEERS]
    assert len(set(files)) == len(files)
    assert set(files) == set(PLUGINS.glob("*.py"))


def test_the_plugin_files_are_installed() -> None:
    setuptools = tomllib.loads(PYPROJECT.read_text("utf-8"))["tool"]["setuptools"]
    assert "bdlbench.peers" in setuptools["packages"]
    assert setuptools["package-data"]["bdlbench.peers"] == ["plugins/*.py"]


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_an_entry_says_what_is_claimed(peer: Peer) -> None:
    assert all((peer.library, peer.sampler, peer.convention, peer.settings, peer.source))
    assert set(peer.without) <= {check.name for check in CHECKS}
    assert bool(peer.without) == bool(peer.why)
    if peer.fault is not None:
        assert len(peer.fault.derivation) == 2
        assert max(map(len, peer.fault.derivation)) < 250


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
@pytest.mark.filterwarnings("ignore")  # of the libraries
def test_a_peer_samples_in_a_problem(peer: Peer) -> None:
    if installed(peer.library) is None:
        pytest.skip(f"{peer.library} is not installed")
    plugin: Any = registry.load("samplers", str(peer.plugin))
    assert plugin.plugin_name == peer.name
    rng = torch.Generator().manual_seed(0)
    problem = Problem(linear_regression(8).posterior, Budget(40, 2, burn_in=0.3))
    small = {"batch_size": 4} if "batch_size" in vars(plugin()) else {}
    with watched():
        draws = [theta.clone() for theta in plugin(**small).sample(problem, rng)]
    assert [theta.shape for theta in draws] == [(1, problem.dim)] * 2
    assert torch.equal(*draws) == (peer.name == "sgmcmcjax-baoab")  # which never moves
    assert 20 < problem.epochs <= 40
