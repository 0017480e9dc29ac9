"""The names of the counters of failed sign-ins."""


def counters_of(tenant: str, hashed: str) -> str:
    """What the keys of all counters of a login begin with; ``hashed`` is its keyed hash."""
    return f"sign-in:{tenant}:{hashed}"
