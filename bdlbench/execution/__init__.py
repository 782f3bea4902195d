"""Execution of many runs, each in its own process."""
