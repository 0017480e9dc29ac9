"""Compliance reports: frameworks, and reports read from the log, written, drawn, signed and verified.

``making.py`` makes one and ``verifying.py`` verifies one. What a report says is in ``domain/report/``. ``catalog.py``
reads the frameworks that ask for it, ``render/`` draws it.
"""
