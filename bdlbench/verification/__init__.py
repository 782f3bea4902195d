"""Verification of runs: scored again, repeated, reviewed."""
