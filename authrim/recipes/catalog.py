"""The recipes that are shipped, by the name of the product."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from authrim.recipes.recipe import Recipe

_PRODUCTS: Final = files("authrim.recipes") / "products"
_SUFFIX: Final = ".toml"


def products() -> tuple[str, ...]:
    """The names that ``--for`` takes, in alphabetical order."""
    names = (file.name for file in _PRODUCTS.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


@cache
def recipe(product: str) -> Recipe:
    """The recipe of a product that ``products`` names."""
    text = (_PRODUCTS / f"{product}{_SUFFIX}").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Recipe)


def recipes() -> Mapping[str, Recipe]:
    """All of them."""
    return {name: recipe(name) for name in products()}
