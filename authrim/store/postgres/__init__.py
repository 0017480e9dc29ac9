"""The log on PostgreSQL. From outside: ``store``, ``schema`` and ``functions``."""
