"""Reference posteriors, control rows, and distances from a reference."""
