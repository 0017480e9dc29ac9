"""Sockets, TLS, limits and proxies: what lies below an HTTP request.

From outside: ``listener`` (listen), ``tls``, ``limits`` and ``forwarded``.
"""
