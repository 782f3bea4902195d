"""Comparisons of samplers: planned, executed and summarized."""
