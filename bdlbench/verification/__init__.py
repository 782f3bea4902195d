"""Whether a run may be trusted: scored again, repeated, reviewed."""
