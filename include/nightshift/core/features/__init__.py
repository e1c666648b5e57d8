"""Features, labels and samples of rows."""
