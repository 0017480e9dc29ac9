"""Bundles: a part of the log in one file, with the proofs that it is what was recorded.

``export.py`` writes one; ``verify_bundle.py`` verifies one without Authrim, and is inside each of them.
"""
