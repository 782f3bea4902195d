"""Modules that are not functions of their parameters are refused, by layer and with the cure."""

from __future__ import annotations

from torch import nn
from torch.nn.parameter import is_lazy

from bdlbench.errors import BdlbenchError


def check_layers(module: nn.Module) -> None:
    """Check the layers of a module, without a call of it.

    Raises:
        BdlbenchError: It is not a module, has no parameters, or a layer has state or randomness.
    """
    if not isinstance(module, nn.Module):
        raise BdlbenchError(f"expected a torch.nn.Module, got {type(module).__name__}")
    for name, layer in module.named_modules():
        where = f"layer {name}" if name else "the module"
        _check_layer(f"{where} is {type(layer).__name__}", layer)
    parameters = dict(module.named_parameters())
    if not parameters:
        raise BdlbenchError(f"expected a module with parameters, got {type(module).__name__}")
    for name, parameter in parameters.items():
        if is_lazy(parameter):
            raise BdlbenchError(f"parameter {name} is lazy, without a shape; give its layer sizes")
        if not parameter.requires_grad:
            raise BdlbenchError(
                f"parameter {name} has requires_grad=False; make it a buffer to keep it fixed"
            )


def _check_layer(what: str, layer: nn.Module) -> None:
    if isinstance(layer, nn.modules.batchnorm._NormBase):
        if not isinstance(layer, nn.modules.instancenorm._InstanceNorm):
            raise BdlbenchError(f"{what}, which depends on the whole minibatch; use GroupNorm")
        if layer.track_running_stats:
            raise BdlbenchError(f"{what} with running statistics; set track_running_stats=False")
    rate = layer.p if isinstance(layer, nn.modules.dropout._DropoutNd) else 0
    rate = rate or getattr(layer, "dropout", 0)
    if isinstance(rate, float) and rate > 0:
        raise BdlbenchError(
            f"{what} with dropout {rate:g}, which is random; set it to 0 (mc-dropout adds its own)"
        )
