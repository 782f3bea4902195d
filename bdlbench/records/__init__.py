"""The records and predictions of runs, and their storage."""
