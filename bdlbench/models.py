"""Shared models; the stable name of `bdlbench.posterior.models`."""

from bdlbench.posterior.models import CLASSES, NAMES, SIDE, Network, build

__all__ = ["CLASSES", "NAMES", "SIDE", "Network", "build"]
