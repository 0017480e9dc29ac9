"""The log on PostgreSQL. From outside: ``store`` and ``append_function``."""
