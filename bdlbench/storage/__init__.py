"""Atomic files, in a folder or behind a URL."""
