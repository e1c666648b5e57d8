"""One batch of rows: types, casting, duplicates, checks, schema contract."""
