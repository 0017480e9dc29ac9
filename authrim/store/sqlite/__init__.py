"""The log in a SQLite file. From outside: ``store``."""
