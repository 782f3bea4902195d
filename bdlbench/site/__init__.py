"""Publish the leaderboard as a static site, which also opens from disk."""
