"""``authrim doctor``."""
