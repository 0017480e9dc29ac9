"""Logging out: the page for it, and telling the clients.

From outside: ``logout_endpoint`` and ``notices``.
"""
