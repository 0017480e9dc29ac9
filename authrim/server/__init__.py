"""A running server: its wiring, its process, and the supervisor of several.

From outside: ``serve`` and ``supervisor`` for the command line, ``app`` for tests.
"""
