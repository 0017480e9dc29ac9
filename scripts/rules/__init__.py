"""The rules of ``docs/rules/``: which tests prove each, and whether any is unproved. ``python -m scripts.rules``."""
