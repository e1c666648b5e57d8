"""How far columns and scores moved, and whether chance explains it."""
