"""The generated pages of ``docs/``: each module writes one page, ``python -m scripts.reference`` all of them."""
