"""The warehouse's schema: Alembic migrations, applied by `bin/nightshift migrate` and by every start of the stack."""
