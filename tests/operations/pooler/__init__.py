"""A real PgBouncer between a server and PostgreSQL."""
