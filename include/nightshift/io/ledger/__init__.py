"""Which objects exist for which partition, and what came of it."""
