"""The Merkle tree over the log: hashes, tiles, proofs and the text of a checkpoint.

The event at position p is the leaf with index p - 1. ``docs/audit/transparency.md`` says the same to an outsider.

From outside: ``hashing`` (RFC 6962 §2.1), ``tiles`` (C2SP tlog-tiles), ``proofs`` (RFC 9162 §2.1.3, §2.1.4) and
``checkpoint`` (C2SP tlog-checkpoint).
"""
