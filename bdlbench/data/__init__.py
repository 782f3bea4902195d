"""Labelled images: read from files, downloaded or generated."""
