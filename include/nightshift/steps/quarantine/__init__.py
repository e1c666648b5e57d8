"""Looking at quarantined rows, and replaying them."""
