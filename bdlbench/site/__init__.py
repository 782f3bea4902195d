"""Publish the leaderboard as a static site that opens from disk."""
