"""Clients: their records, keys, secrets, logos, metadata documents and registration tokens.

Other packages may use every module. ``authentication/`` authenticates clients; ``registration/`` lets them register
themselves.
"""
