"""The leaderboard: boards of comparable runs, and ranks of their samplers."""
