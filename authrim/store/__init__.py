"""The append-only log and the rows beside it, on PostgreSQL or SQLite, behind one contract."""
