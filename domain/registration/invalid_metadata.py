"""How every rule of every field refuses a registration (RFC 7591 §3.2.2)."""

from domain.errors import Refusal


def invalid(field: str, problem: str, *, hint: str, section: str = "RFC 7591 §3.2.2") -> Refusal:
    """``invalid_client_metadata``: what is wrong with ``field``, and what to do about it."""
    return Refusal("invalid_client_metadata", f"{field} {problem}", hint=hint, section=section)


def unlike(field: str, value: str | None, allowed: tuple[str, ...]) -> Refusal | None:
    """Refuse a value that is not one of ``allowed``. Return None when it is one, or is omitted."""
    if value is None or value in allowed:
        return None
    return invalid(
        field, "has a value that is not allowed for this client.", hint=f"Use {', '.join(allowed)}."
    )
