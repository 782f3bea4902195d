"""Methods of other libraries that approximate the posterior, and say so."""

from __future__ import annotations

from bdlbench.peers.in_torch import MANY_CHAINS, ONE_BY_ONE
from bdlbench.peers.peer import Peer

APPROXIMATIONS = (
    Peer(
        "numpyro-svi",
        "numpyro",
        "SVI",
        "a diagonal Gaussian, fitted by the ELBO",
        "–",
        "Adam with a rate of 0.001, drawing while it is fitted",
        "numpyro.infer.SVI; Kucukelbir et al., 2017, arXiv:1603.00788",
    ),
    Peer(
        "ivon-steps",
        "ivon-opt",
        "IVON",
        "a diagonal Gaussian, fitted by natural gradients of the ELBO; ess = N",
        "hess_init = 1, β₁ = 0.9, β₂ = 0.99999, weight_decay = 10⁻⁴",
        "lr = 0.1, prior in the loss, drawing while it is fitted",
        "ivon.IVON; Shen et al., 2024, arXiv:2402.17641",
        without=MANY_CHAINS,
        why=ONE_BY_ONE,
    ),
    Peer(
        "laplace-full",
        "laplace-torch",
        "Laplace",
        "a Gaussian at the mode, with the Gauss-Newton matrix",
        "last layer, Kronecker-factored",
        "all weights, full matrix",
        "laplace.Laplace; Daxberger et al., 2021, arXiv:2106.14806",
        without=(*MANY_CHAINS, "models"),
        why="each chain needs a fit of its own, and lenet5 a matrix of 15 GB",
    ),
)
