"""The update equations, as optimizers that work in any training loop."""

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
    """Return the factor of a step size that falls along half a cosine, from 1 at 0 to 0 at 1.

    Source: Loshchilov & Hutter (2017), SGDR, equation 5, without restarts.
    """
    return (1 + math.cos(math.pi * fraction)) / 2


def descend_(
    theta: Tensor, gradient: Tensor, rate: float, momentum: float, velocity: Tensor
) -> Tensor:
    """Step by gradient descent, in place: v ← μv + ∇U, θ ← θ − ηv.

    Source: Sutskever et al. (2013), with η outside of v, as ``torch.optim.SGD`` has it.

    Args:
        theta: θ, of any shape.
        gradient: ∇U, or an unbiased estimate of it, of that shape.
        rate: The learning rate η.
        momentum: μ.
        velocity: v, zeros at first; unused if μ is 0.
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
    """Step by stochastic gradient Langevin dynamics, in place; see `SGLD`, which explains it.

    Args:
        theta: θ, of any shape.
        gradient: ∇U, or an unbiased estimate of it, of that shape.
        epsilon: The step size ε.
        temperature: T.
        generator: Source of the noise.
    """
    noise_std = math.sqrt(epsilon * temperature)
    return add_normal_(theta, noise_std, generator, drift=gradient, rate=-epsilon / 2)


class SGLD(torch.optim.Optimizer):
    """Step by stochastic gradient Langevin dynamics: θ ← θ − (ε/2)·∇U + N(0, εT).

    Its stationary density is exp(−U/T) up to O(ε). The gradients must be those of the potential
    U, a **sum** over the N training points plus the prior's term: with a mean loss, multiply the
    loss by N before ``backward()``, or the samples have temperature N.

    Source: Welling & Teh (2011), equation 4; the temperature scales the variance of the noise.

    Args:
        params: Parameters, or groups of them.
        lr: The step size ε, under the name that torch's learning rate schedulers look for.
        temperature: T; 1 samples the Bayes posterior, 0 is gradient descent with rate ε/2.
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
        """Take one step; the gradients must be in place.

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
    """Step by preconditioned SGLD: θ ← θ − (ε/2)·G∇U + N(0, εTG), G = 1/(λ + √V), diagonal.

    V ← αV + (1 − α)·(∇U)² is RMSprop's. Both its scale and G's are taken out: √V is divided by its
    largest element, and G after it by its own. G is therefore between λ/(1 + λ) and 1, the same
    for the gradient of a sum and of a mean, and ε keeps the meaning that it has in `SGLD`: what is
    stable there is stable here. (In the paper λ and ε are in units of the mean gradient.)

    While V moves, the stationary density is not exp(−U/T), since the term Γ = ∂G/∂θ is left out
    (as in the paper's experiments); call `freeze` when it has settled: then G is a constant, Γ is
    0, and the density is exp(−U/T) up to O(ε).

    The gradients must be those of the **sum** U, as for `SGLD`.

    Source: Li et al. (2016), Preconditioned SGLD for deep neural networks, algorithm 1.

    Args:
        params: Parameters, or groups of them, each group with its own preconditioner.
        lr: The step size ε.
        temperature: T; 1 samples the Bayes posterior.
        alpha: α, the fraction of V that is retained in a step.
        damping: λ.
        chains: Whether the first axis of every parameter counts independent chains, whose
            largest elements are their own.
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
        """Freeze the preconditioner at its value in the last step (the next, if there was none)."""
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
            assert parameter.grad is not None  # `step` leaves those without a gradient out
            square = _kept(self.state[parameter], "V", parameter).mul_(group["alpha"])
            square.addcmul_(parameter.grad, parameter.grad, value=1 - group["alpha"])
        roots = []
        for parameter in parameters:
            state = self.state[parameter]
            # √V in the place of the last G: in new memory it would take several times as long.
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
    """Step by stochastic gradient HMC: v ← μv − (ε/2)·∇U + N(0, ε(1 − μ)T), θ ← θ + v.

    Its stationary density is exp(−U/T) up to O(ε): for a Gaussian of variance s² and an exact
    gradient the variance is s²T/(1 − ε/(4(1 + μ)s²)). With μ = 0 it is `SGLD`; every ε that is
    stable there is stable here, and moves the chain about 1/(1 − μ) times as far. The noise of
    the minibatches is not subtracted from the noise that is added (the paper's B̂ is 0).

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
    """Return the state of a parameter under a name: zeros, the first time."""
    if name not in state:
        state[name] = torch.zeros_like(like)
    return state[name]


def _evaluate(closure: Callable[[], float] | None) -> float | None:
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
