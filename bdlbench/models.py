"""Models; the stable name of `bdlbench.posterior.models`."""

from bdlbench.posterior.models import (
    CLASSES,
    NAMES,
    SIDE,
    BuiltIn,
    Model,
    Network,
    build,
    find,
    network,
)

__all__ = ["CLASSES", "NAMES", "SIDE", "BuiltIn", "Model", "Network", "build", "find", "network"]
