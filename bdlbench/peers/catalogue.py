"""The catalogue of samplers of other libraries."""

from __future__ import annotations

from bdlbench.peers.peer import Peer

MANY_CHAINS = (
    "several tensors",
    "minibatches",
    "large N",
    "skewed",
    "two layers",
    "curved",
    "temperature ½",
    "Metropolis test",
    "ranks",
)
"""Checks that move hundreds of chains, or as many parameters."""

PEERS = tuple(
    Peer(n, l, "", "", "", "", "")
    for n, l in (
        ("posteriors-sgld", "posteriors"),
        ("torch-sgld-sgld", "torch-sgld"),
        ("torch-uncertainty-sgld", "torch-uncertainty"),
        ("torch-uncertainty-sgld-unscaled", "torch-uncertainty"),
        ("blackjax-sgld", "blackjax"),
        ("blackjax-sghmc", "blackjax"),
        ("sgmcmcjax-baoab", "sgmcmcjax"),
        ("sgmcmcjax-sgld", "sgmcmcjax"),
        ("posteriors-sghmc", "posteriors"),
        ("posteriors-baoa", "posteriors"),
        ("posteriors-sgnht", "posteriors"),
        ("torch-sgld-sghmc", "torch-sgld"),
        ("torch-uncertainty-sghmc", "torch-uncertainty"),
        ("blackjax-sgnht", "blackjax"),
        ("blackjax-csgld", "blackjax"),
        ("blackjax-mala", "blackjax"),
        ("blackjax-hmc", "blackjax"),
        ("blackjax-nuts", "blackjax"),
        ("blackjax-mclmc", "blackjax"),
        ("numpyro-hmc", "numpyro"),
        ("numpyro-svi", "numpyro"),
        ("pyro-hmc", "pyro-ppl"),
        ("ivon-steps", "ivon-opt"),
        ("laplace-full", "laplace-torch"),
    )
)
