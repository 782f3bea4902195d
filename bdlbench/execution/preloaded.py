"""The imports that every run needs. The fork server imports this module first.

A run is a fork of the fork server, and need not wait for torch again.
"""

from __future__ import annotations

import gc

import bdlbench.execution.worker  # noqa: F401
from bdlbench.runs import machine

machine.warm_up()
gc.collect()
gc.freeze()  # in a fork, the collector would write to memory that is shared
