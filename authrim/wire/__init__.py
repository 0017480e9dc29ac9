"""Sockets, TLS, limits and proxies: the layers below an HTTP request.

From outside: ``listener`` (listen), ``tls``, ``limits`` and ``forwarded``.
"""
