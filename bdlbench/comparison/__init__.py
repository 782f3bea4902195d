"""Comparisons of samplers: what is asked, carried out and summed up."""
