"""Recipes: what a product that people already run needs of a client, and what to paste into the product.

Each product is a file in ``products/``. ``catalog`` reads them, and ``authrim client create --for PRODUCT`` makes the
client. ``docs/connect/`` is generated from them, and ``tests/integrations/`` puts them before the real software.
"""
