"""Labelled images: found, fetched or drawn."""
