"""Cookies that a browser holds for us."""
