"""The generated pages of ``docs/``. Each module writes one page; ``python -m scripts.reference`` writes all of them."""
