"""Verification of runs: recompute metrics, repeat runs, review submissions."""
