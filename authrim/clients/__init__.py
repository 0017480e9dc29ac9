"""Clients: their records as an administrator keeps them, logos, initial access tokens.

From outside: every module. Who a client is, is in ``authentication/``; how it registers itself, in ``registration/``.
"""
