"""Backups of the database: taken while servers run, signed as bundles are, and proved when they are restored.

From outside: ``take`` (``authrim backup``), ``restore`` (``authrim restore``), ``prove`` (its ``--verify``), and
``manifest``, which says what is in a backup.
"""
