"""When to train again, and the replay of that policy over the past."""
