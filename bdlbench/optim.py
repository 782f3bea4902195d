"""Update equations of samplers, as functions and as optimizers for any training loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from bdlbench.noise import add_normal_, normal_like
from bdlbench.settings import check_positive, check_range


def cosine(fraction: float) -> float:
    """Return the cosine annealing factor of a step size: from 1 at fraction 0 to 0 at 1.

    Source: Loshchilov & Hutter (2017), SGDR, equation 5, without restarts.
    """
    return (1 + math.cos(math.pi * fraction)) / 2


def descend_(
    theta: Tensor, gradient: Tensor, rate: float, momentum: float, velocity: Tensor
) -> Tensor:
    """Take a step of gradient descent with momentum, in place: v ← μv + ∇U, θ ← θ − ηv.

    Source: Sutskever et al. (2013), with η outside of v, as in ``torch.optim.SGD``.

    Args:
        theta: θ, of any shape.
        gradient: ∇U, or an unbiased estimate of it, of the same shape.
        rate: The learning rate η.
        momentum: μ.
        velocity: v, initially zero; unused if μ is 0.
    """
    if momentum:
        gradient = velocity.mul_(momentum).add_(gradient)
    return theta.add_(gradient, alpha=-rate)


def langevin_(
    theta: Tensor,
    gradient: Tensor,
    epsilon: float,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Take a step of stochastic gradient Langevin dynamics, in place; see `SGLD`.

    Args:
        theta: θ, of any shape.
        gradient: ∇U, or an unbiased estimate of it, of the same shape.
        epsilon: The step size ε.
        temperature: T.
        generator: Source of the noise.
    """
    noise_std = math.sqrt(epsilon * temperature)
    return add_normal_(theta, noise_std, generator, drift=gradient, rate=-epsilon / 2)


class SGLD(torch.optim.Optimizer):
    """Stochastic gradient Langevin dynamics: θ ← θ − (ε/2)·∇U + N(0, εT).

    Its stationary density is exp(−U/T) up to O(ε). The gradients must be those of the potential
    U, a **sum** over the N training points plus the prior's term: with a mean loss, multiply the
    loss by N before ``backward()``, or the samples have temperature N.

    Source: Welling & Teh (2011), equation 4; the temperature scales the variance of the noise.

    Args:
        params: Parameters, or groups of them.
        lr: The step size ε, under the name that torch's learning rate schedulers use.
        temperature: T; 1 samples the Bayes posterior, 0 is gradient descent with learning rate ε/2.
        generator: Source of the noise; it must be on the parameters' device.

    Raises:
        ValueError: lr is not positive, or the temperature is negative.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        if not lr > 0:
            raise ValueError(f"expected lr > 0, got {lr}")
        if not temperature >= 0:
            raise ValueError(f"expected temperature >= 0, got {temperature}")
        super().__init__(params, {"lr": lr, "temperature": temperature})
        self._generator = generator

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step with the gradients in ``.grad``.

        Args:
            closure: Re-evaluates the loss and its gradients; its value is returned.
        """
        loss = _evaluate(closure)
        for group in self.param_groups:
            epsilon, temperature = group["lr"], group["temperature"]
            for parameter in group["params"]:
                if parameter.grad is not None:
                    langevin_(parameter, parameter.grad, epsilon, temperature, self._generator)
        return loss


class PSGLD(torch.optim.Optimizer):
    """Preconditioned SGLD: θ ← θ − (ε/2)·G∇U + N(0, εTG), G = 1/(λ + √V), diagonal.

    V ← αV + (1 − α)·(∇U)², as in RMSprop. √V is divided by its largest element, and then G by its
    own. G therefore lies between λ/(1 + λ) and 1, does not depend on whether U is a sum or a mean,
    and every ε that is stable for `SGLD` is stable here. (In the paper λ and ε are in units of the
    mean gradient.)

    While V changes, the stationary density is not exp(−U/T), since the term Γ = ∂G/∂θ is omitted
    (as in the paper's experiments). Call `freeze` once V has converged: G is then constant, Γ is 0,
    and the density is exp(−U/T) up to O(ε).

    The gradients must be those of the **sum** U, as for `SGLD`.

    Source: Li et al. (2016), Preconditioned SGLD for deep neural networks, algorithm 1.

    Args:
        params: Parameters, or groups of them; each group is normalised separately.
        lr: The step size ε.
        temperature: T; 1 samples the Bayes posterior.
        alpha: α, the decay rate of V.
        damping: λ.
        chains: Whether the first axis of every parameter indexes independent chains, each of
            which is normalised separately.
        generator: Source of the noise; it must be on the parameters' device.

    Raises:
        ValueError: lr or damping is not positive, the temperature is negative, or alpha is not
            in [0, 0.99999].
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        temperature: float = 1.0,
        alpha: float = 0.99,
        damping: float = 0.3,
        chains: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        check_positive(lr=lr, damping=damping)
        check_range(0, math.inf, temperature=temperature)
        check_range(0, 0.99999, alpha=alpha)
        defaults = {"lr": lr, "temperature": temperature, "alpha": alpha, "damping": damping}
        super().__init__(params, defaults | {"frozen": False})
        self._chains = chains
        self._generator = generator

    def freeze(self) -> None:
        """Freeze the preconditioner at its value in the last step, or before any, in the next."""
        for group in self.param_groups:
            group["frozen"] = True

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step; see `SGLD.step`."""
        loss = _evaluate(closure)
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not group["frozen"] or not all("G" in self.state[p] for p in parameters):
                self._update_preconditioner(group, parameters)
            epsilon, noise_std = group["lr"], math.sqrt(group["lr"] * group["temperature"])
            for parameter in parameters:
                preconditioner = self.state[parameter]["G"]
                noise = normal_like(parameter, self._generator)
                parameter.addcmul_(preconditioner, parameter.grad, value=-epsilon / 2)
                parameter.addcmul_(preconditioner.sqrt(), noise, value=noise_std)
        return loss

    def _update_preconditioner(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        for parameter in parameters:
            assert parameter.grad is not None  # `step` omits parameters without a gradient
            square = _kept(self.state[parameter], "V", parameter).mul_(group["alpha"])
            square.addcmul_(parameter.grad, parameter.grad, value=1 - group["alpha"])
        roots = []
        for parameter in parameters:
            state = self.state[parameter]
            # √V overwrites the last G: in new memory it would take several times as long.
            root = torch.sqrt(state["V"], out=_kept(state, "G", parameter))
            roots.append(self._rows(root))
        smallest = torch.stack([root.amin(1) for root in roots]).amin(0)[:, None]
        largest = torch.stack([root.amax(1) for root in roots]).amax(0)[:, None]
        damping = group["damping"] * largest.clamp_min(torch.finfo(largest.dtype).tiny)
        for root in roots:
            torch.div(smallest + damping, root.add_(damping), out=root)

    def _rows(self, tensor: Tensor) -> Tensor:
        return tensor.view(len(tensor) if self._chains else 1, -1)


class SGHMC(torch.optim.Optimizer):
    """Stochastic gradient HMC: v ← μv − (ε/2)·∇U + N(0, ε(1 − μ)T), θ ← θ + v.

    Its stationary density is exp(−U/T) up to O(ε): for a Gaussian of variance s² and an exact
    gradient the variance is s²T/(1 − ε/(4(1 + μ)s²)). With μ = 0 it is `SGLD`; every ε that is
    stable there is stable here, and moves the chain about 1/(1 − μ) times as far. The injected
    noise is not reduced by that of the minibatches (the paper's B̂ is 0).

    The gradients must be those of the **sum** U, as for `SGLD`.

    Source: Chen et al. (2014), Stochastic gradient Hamiltonian Monte Carlo, equation 15, with
    η = ε/2 and α = 1 − μ.

    Args:
        params: Parameters, or groups of them.
        lr: The step size ε.
        momentum: μ.
        temperature: T; 1 samples the Bayes posterior.
        generator: Source of the noise; it must be on the parameters' device.

    Raises:
        ValueError: lr is not positive, momentum not in [0, 0.999], or the temperature is negative.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        momentum: float = 0.9,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        check_positive(lr=lr)
        check_range(0, math.inf, temperature=temperature)
        check_range(0, 0.999, momentum=momentum)
        super().__init__(params, {"lr": lr, "momentum": momentum, "temperature": temperature})
        self._generator = generator

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step; see `SGLD.step`."""
        loss = _evaluate(closure)
        for group in self.param_groups:
            epsilon, momentum = group["lr"], group["momentum"]
            noise_std = math.sqrt(epsilon * (1 - momentum) * group["temperature"])
            for parameter in group["params"]:
                if parameter.grad is not None:
                    velocity = _kept(self.state[parameter], "v", parameter).mul_(momentum)
                    add_normal_(velocity, noise_std, self._generator, parameter.grad, -epsilon / 2)
                    parameter.add_(velocity)
        return loss


def _kept(state: dict[str, Tensor], name: str, like: Tensor) -> Tensor:
    """Return a parameter's state tensor, initially zero."""
    if name not in state:
        state[name] = torch.zeros_like(like)
    return state[name]


def _evaluate(closure: Callable[[], float] | None) -> float | None:
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
