"""The rules of ``docs/rules/``: lists the tests that prove each rule, and finds rules without a test. ``python -m
scripts.rules``."""
