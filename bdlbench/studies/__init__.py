"""Experiments that answer the questions which the suite comes from, each one command."""
