"""Networks as functions of flat parameters of shape (chains, dim)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from bdlbench.errors import BdlbenchError
from bdlbench.posterior import layers, refusals

CONSTANTS = "likelihood"
"""Name of the parameters that belong to the likelihood, such as a learnt log σ."""


class Network:
    """A module as a function of flat parameters θ.

    A Sequential of layers with a rule (`bdlbench.posterior.layers`) has a fast path; any other
    module is called by `torch.func.functional_call`, under `torch.func.vmap` for several chains.

    Args:
        module: Its forward must be a function of its parameters and of each input alone. Only the
            architecture and the buffers are used: a Sequential of layers with a rule can be on
            torch's ``meta`` device.
        rebuild: Builds the module anew, with the initial values of its own reset. None for layers
            with a rule whose initial values are torch's: uniform within ±1/√fan_in.
        constants: Number of parameters of the likelihood. They are the last of θ, and are added to
            the outputs of every input as its last columns.

    Raises:
        BdlbenchError: The module has no parameters, or a layer that is not such a function.
    """

    def __init__(
        self,
        module: nn.Module,
        rebuild: Callable[[], nn.Module] | None = None,
        constants: int = 0,
    ) -> None:
        refusals.check_layers(module)
        self.module, self.constants = module, constants
        self.layers = list(module) if layers.known(module) else None  # type: ignore[call-overload]
        self.shapes = {name: p.shape for name, p in module.named_parameters()}
        if constants:
            self.shapes[CONSTANTS] = torch.Size([constants])
        self.sizes = [shape.numel() for shape in self.shapes.values()]
        self.dim = sum(self.sizes)
        self.one_by_one = False
        """Whether chains take turns, since an operation of the module cannot be vectorised."""
        self._rebuild = rebuild
        self._buffers: dict[tuple[torch.device, torch.dtype], dict[str, Tensor]] = {}

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """Return views of θ (chains, dim) as named tensors of shape (chains, *parameter shape)."""
        parts = theta.split_with_sizes(self.sizes, dim=-1)
        return {
            name: part.view(*part.shape[:-1], *shape) if len(shape) > 1 else part
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }

    def __call__(self, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Return the outputs, shape (chains, n, outputs + constants).

        Args:
            parameters: As returned by `unflatten`.
            x: Inputs of shape (chains, n, …).
        """
        outputs = self.own_outputs(parameters, x)
        return self.with_constants(outputs, parameters) if self.constants else outputs

    def own_outputs(self, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Return the outputs without those of the likelihood, shape (chains, n, outputs)."""
        if self.layers is not None:
            return layers.forward(self.layers, parameters, x)
        return self._generic(parameters, x)

    def with_constants(self, outputs: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        """Append the parameters of the likelihood to the outputs (…, n, outputs) as columns."""
        columns = parameters[CONSTANTS].unsqueeze(-2).expand(*outputs.shape[:-1], -1)
        return torch.cat([outputs, columns], dim=-1)

    def init(self, chains: int, rng: torch.Generator) -> Tensor:
        """Draw initial states by the module's own reset; parameters of the likelihood are 0.

        Returns:
            θ of shape (chains, dim), float32, on the generator's device.
        """
        drawn = self._uniform(chains, rng) if self._rebuild is None else self._reset(chains, rng)
        zeros = torch.zeros(chains, self.constants, device=rng.device)
        return torch.cat([drawn, zeros], dim=1) if self.constants else drawn

    def _uniform(self, chains: int, rng: torch.Generator) -> Tensor:
        if self.layers is None:
            raise BdlbenchError(
                f"expected Network({type(self.module).__name__}, rebuild=…) with a function that "
                "builds the module anew, to draw initial states"
            )
        shapes = {name: shape for name, shape in self.shapes.items() if name != CONSTANTS}
        bounds = [
            1 / math.sqrt(shapes[name.rsplit(".", 1)[0] + ".weight"][1:].numel()) for name in shapes
        ]
        sizes = torch.tensor(self.sizes[: len(shapes)])
        scale = torch.repeat_interleave(torch.tensor(bounds), sizes)
        uniform = torch.rand(chains, len(scale), generator=rng, device=rng.device)
        return (2 * uniform - 1) * scale.to(rng.device)

    def _reset(self, chains: int, rng: torch.Generator) -> Tensor:
        """Build the module anew for every chain, with torch's global generator seeded by `rng`."""
        assert self._rebuild is not None
        seeds = torch.randint(2**62, (chains,), generator=rng, device=rng.device).tolist()
        states = []
        for seed in seeds:
            module = seeded(self._rebuild, seed)
            parts = [parameter.detach().flatten() for parameter in module.parameters()]
            states.append(torch.cat([part.float() for part in parts]))
        return torch.stack(states).to(rng.device)

    def _generic(self, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        names = self.shapes.keys() - {CONSTANTS}
        own = {name: parameters[name] for name in names}
        first = next(iter(own.values()))
        buffers = self.buffers_like(first)
        if len(x) == 1:
            return self._one({name: p.squeeze(0) for name, p in own.items()}, buffers, x[0])[None]
        if self.one_by_one:
            chains = [{name: p[chain] for name, p in own.items()} for chain in range(len(x))]
            found = [self._one(one, buffers, part) for one, part in zip(chains, x, strict=True)]
            return torch.stack(found)
        outputs: Tensor = torch.func.vmap(self._one, in_dims=(0, None, 0))(own, buffers, x)
        return outputs

    def _one(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        """Return the outputs (n, outputs) of one chain."""
        outputs = functional_call(self.module, {**parameters, **buffers}, (x,))
        if not isinstance(outputs, Tensor):
            raise BdlbenchError(f"expected a tensor of outputs, got {type(outputs).__name__}")
        return outputs

    def buffers_like(self, parameter: Tensor) -> dict[str, Tensor]:
        """Return the buffers on the device and with the precision of a parameter."""
        kind = parameter.device, parameter.dtype
        if kind not in self._buffers:
            self._buffers[kind] = {
                name: buffer.to(kind[0], kind[1] if buffer.is_floating_point() else buffer.dtype)
                for name, buffer in self.module.named_buffers()
            }
        return self._buffers[kind]


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Build a module with torch's global generator seeded; its state is restored afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the GPUs, too
        return build()
