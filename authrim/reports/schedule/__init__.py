"""Evidence by a schedule: reports and bundles that are written without anybody asking.

``keeping.py`` does what is due, in one process at a time; ``states.py`` says what was done and what is late.
"""
