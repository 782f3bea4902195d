"""Measure how fast bdlbench is, against the machine's limit and against other libraries."""
