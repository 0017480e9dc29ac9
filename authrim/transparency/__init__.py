"""Proof to outsiders that the log is whole: checkpoints, witnesses, published tiles, and an older log noticed.

The pure part is ``domain/tree``; the tree itself follows the log in ``audit/tree.py``.

From outside: ``checkpoints`` (signing, and the newest), ``proofs``, ``keys``, ``rollback`` (at the start of a server),
``endpoint`` (what is published), and ``background`` (signing regularly).
"""
