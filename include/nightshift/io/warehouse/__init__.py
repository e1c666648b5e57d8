"""PostgreSQL: engine, roles, locks, bulk copy."""
