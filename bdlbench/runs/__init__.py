"""One run, from a task to a record."""
