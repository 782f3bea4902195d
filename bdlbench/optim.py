"""The update equations, once each, as optimizers that also work in any training loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import ParamsT


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
            closure: Evaluates the loss and its gradients anew; its value is returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            epsilon, noise_std = group["lr"], math.sqrt(group["lr"] * group["temperature"])
            for parameter in group["params"]:
                if parameter.grad is not None:
                    noise = torch.empty_like(parameter).normal_(generator=self._generator)
                    parameter.add_(parameter.grad, alpha=-epsilon / 2)
                    parameter.add_(noise, alpha=noise_std)
        return loss
