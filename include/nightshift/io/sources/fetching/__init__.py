"""Getting files from where they are."""
