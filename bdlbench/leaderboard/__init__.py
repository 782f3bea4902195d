"""The leaderboard: which runs are comparable, and how they rank."""
