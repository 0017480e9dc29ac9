"""The headers of every page (decisions 28): no third-party content, no frames, no caching."""

from collections.abc import Iterable

from authrim.pages.translations import weighted_item

_FIXED = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: browsers would then send `Origin: null`, and every sign-in would fail the origin check.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def page_headers(
    form_action: Iterable[str] | None, script_nonce: str = "", frames: Iterable[str] = ()
) -> dict[str, str]:
    """The headers of a page whose forms can lead only to the given CSP sources; empty sources are left out. None: they
    can lead anywhere.

    Chromium checks every redirect after a form against ``form-action``, including those of the client after ours
    (docs/designs/0020). Without ``script_nonce`` no script runs. ``frames`` are the only sources that the page can show
    in frames.
    """
    policy = [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        *_form_action(form_action),
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    if script_nonce:
        policy.append(f"script-src 'nonce-{script_nonce}'")
    framed = " ".join(sorted({source for source in frames if source}))
    if framed:
        policy.append(f"frame-src {framed}")
    return {**_FIXED, "Content-Security-Policy": "; ".join(policy)}


def _form_action(sources: Iterable[str] | None) -> tuple[str, ...]:
    if sources is None:
        return ()
    leads_to = " ".join(source for source in sources if source) or "'none'"
    return (f"form-action {leads_to}",)


def frame_headers(ancestors: Iterable[str]) -> dict[str, str]:
    """The headers of the only page that is made for frames in other sites (decisions 28). Only ``ancestors`` can show
    it, and it loads nothing except our own static script."""
    shown_by = " ".join(sorted({source for source in ancestors if source})) or "'none'"
    policy = ("default-src 'none'", "script-src 'self'", f"frame-ancestors {shown_by}", "base-uri 'none'")
    headers = {name: value for name, value in _FIXED.items() if name != "X-Frame-Options"}
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return {**headers, "Content-Security-Policy": "; ".join(policy)}


def picture_headers() -> dict[str, str]:
    """The headers of a drawing that is opened as a document of its own: it loads and runs nothing."""
    policy = ("default-src 'none'", "style-src 'unsafe-inline'", "frame-ancestors 'none'", "base-uri 'none'")
    return {**_FIXED, "Content-Security-Policy": "; ".join(policy)}


def prefers_json(accept: str) -> bool:
    """Whether an Accept header (RFC 9110 §12.5.1) prefers JSON to HTML."""
    weights = {value.lower(): weight for value, weight in map(weighted_item, accept.split(","))}
    html = weights.get("text/html", weights.get("text/*", 0.0))
    return weights.get("application/json", 0.0) > html


def asks_for_page(accept: str) -> bool:
    """Whether an Accept header names HTML itself, as browsers do when a person follows a link. ``*/*`` is not enough:
    programs send it too."""
    weights = {value.lower(): weight for value, weight in map(weighted_item, accept.split(","))}
    html = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    return html > 0 and not prefers_json(accept)


ERROR_ID_HEADER = "Authrim-Error-Id"
