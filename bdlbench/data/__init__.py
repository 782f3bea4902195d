"""Labelled examples of any shape: read from files, downloaded, generated, or given as arrays."""

from bdlbench.data.arrays import arrays
from bdlbench.data.examples import Examples
from bdlbench.data.tables import csv, parquet

__all__ = ["Examples", "arrays", "csv", "parquet"]
