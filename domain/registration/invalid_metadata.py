"""How a registration is refused (RFC 7591 §3.2.2): one way for every rule of every field."""

from domain.errors import Refusal


def invalid(field: str, problem: str, *, hint: str, section: str = "RFC 7591 §3.2.2") -> Refusal:
    """``invalid_client_metadata``: what is wrong with ``field``, and what to do about it."""
    return Refusal("invalid_client_metadata", f"{field} {problem}", hint=hint, section=section)


def unlike(field: str, value: str | None, allowed: tuple[str, ...]) -> Refusal | None:
    """The refusal of a value that is not one of ``allowed``; None for one that is, or that is left out."""
    if value is None or value in allowed:
        return None
    return invalid(field, "has a value that this client may not have.", hint=f"Use {', '.join(allowed)}.")
