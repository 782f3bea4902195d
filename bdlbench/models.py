"""The shared models of `bdlbench.posterior`, under the name that plugins import."""

from bdlbench.posterior.models import CLASSES, NAMES, SIDE, Network, build

__all__ = ["CLASSES", "NAMES", "SIDE", "Network", "build"]
