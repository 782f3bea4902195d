"""Samplers of libraries in torch."""

from __future__ import annotations

from bdlbench.peers.faults import NOISE_FACTOR
from bdlbench.peers.peer import Peer

MANY_CHAINS = (
    *("several tensors", "minibatches", "large N", "skewed", "two layers", "curved"),
    *("temperature ½", "Metropolis test", "ranks"),
)
"""Checks that move hundreds of chains, or parameters."""
ONE_BY_ONE = "it moves one chain at a time in Python; hundreds of chains would take hours"

IN_TORCH = (
    Peer(
        "posteriors-sgld",
        "posteriors",
        "sgld",
        "lr = ε/2",
        "β = 0, T = 1",
        "lr = ε/2",
        "posteriors.sgmcmc.sgld.build; Welling & Teh, 2011",
    ),
    Peer(
        "torch-sgld-sgld",
        "torch-sgld",
        "SGLD",
        "lr = ε/2 for ∇U, the sum",
        "momentum = 0, temperature = 1",
        "lr = ε/2",
        "torch_sgld.SGLD; Welling & Teh, 2011",
    ),
    Peer(
        "torch-uncertainty-sgld",
        "torch-uncertainty",
        "SGLD",
        "lr = ε/2 for the gradient it is given; its training routines give that of the mean loss",
        "lr = 0.001, noise_factor = 0.01",
        "lr = N·ε/2 on the mean loss, noise_factor as by default",
        "torch_uncertainty.optim.SGLD; Welling & Teh, 2011, whose noise has no such factor, "
        "as the library says",
        fault=NOISE_FACTOR,
    ),
    Peer(
        "torch-uncertainty-sgld-unscaled",
        "torch-uncertainty",
        "SGLD, noise_factor = 1",
        "lr = ε/2 for the gradient it is given",
        "noise_factor = 0.01",
        "lr = ε/2 on U, the sum; noise_factor = 1",
        "torch_uncertainty.optim.SGLD; Welling & Teh, 2011",
    ),
    Peer(
        "posteriors-sghmc",
        "posteriors",
        "sghmc",
        "lr is the step of position and momentum, α the friction; Euler steps",
        "α = 0.01, β = 0, σ = 1, T = 1",
        "lr = √(c·ε)/2, α = c/lr, c = 0.1",
        "posteriors.sgmcmc.sghmc.build; Chen et al., 2014, arXiv:1402.4102",
    ),
    Peer(
        "posteriors-baoa",
        "posteriors",
        "baoa",
        "lr is the step of position and momentum, α the friction; a splitting",
        "α = 0.01, σ = 1, T = 1",
        "lr = √ε, α = 0.5/lr",
        "posteriors.sgmcmc.baoa.build; Leimkuhler & Matthews, 2015",
    ),
    Peer(
        "posteriors-sgnht",
        "posteriors",
        "sgnht",
        "lr is the step of position, momentum and thermostat; Euler steps",
        "α = 0.01, β = 0, σ = 1, T = 1",
        "lr = √ε/4, α = 4/prior_std",
        "posteriors.sgmcmc.sgnht.build; Ding et al., 2014",
    ),
    Peer(
        "torch-sgld-sghmc",
        "torch-sgld",
        "SGLD with momentum",
        "momentum = c, the share that is lost in a step",
        "momentum = 0, temperature = 1",
        "momentum = c = 0.1, lr = c·ε/2",
        "torch_sgld.SGLD; Chen et al., 2014, arXiv:1402.4102",
    ),
    Peer(
        "torch-uncertainty-sghmc",
        "torch-uncertainty",
        "SGHMC, noise_factor = 1",
        "lr² is the step, divided by the size of the gradient in the first steps",
        "lr = 0.01, friction = 0.05, burn_in_steps = 200, noise_factor = 0.01",
        "lr² = 0.05·ε/(2·prior_std) on U, the sum; noise_factor = 1",
        "torch_uncertainty.optim.SGHMC; Springenberg et al., 2016",
    ),
    Peer(
        "pyro-hmc",
        "pyro-ppl",
        "HMC",
        "step_size is a leapfrog's, √ε",
        "adapted, trajectory of 2π",
        "fixed step √ε, 5 leapfrogs, unit masses",
        "pyro.infer.HMC; Neal, 2011, arXiv:1206.1901",
        without=MANY_CHAINS,
        why=ONE_BY_ONE,
    ),
)
