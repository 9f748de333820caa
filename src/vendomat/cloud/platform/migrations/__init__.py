"""The database's schema as an ordered list of Alembic migrations. Only ever added to: one that has run is history."""
