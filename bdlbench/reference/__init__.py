"""Reference posteriors, fidelity to them, and control rows."""
