"""Records and predictions of runs, and their storage."""
