"""The leaderboard: which runs may stand side by side, and how they rank."""
