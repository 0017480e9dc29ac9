"""The auditor's pages with sample input, and with markup in every field."""

from typing import Any, Final

from aiohttp import web

from authrim.pages import audit_texts, texts
from authrim.pages.audit_views import (
    AuditChangesPage,
    AuditErrorPage,
    AuditHistoryPage,
    AuditIntegrityPage,
    AuditLine,
    AuditReportsPage,
    AuditSearchPage,
    AuditSignInPage,
    AuditStatePage,
    ChangedFieldView,
    ChangeView,
    Fact,
    Found,
    Slider,
    StateView,
)
from authrim.pages.pages import Pages
from authrim.reports.render.page import body_of
from tests.reports.sample_report import sample_report

#: The names of the pages.
AUDIT_PAGES: Final = (
    "audit-sign-in", "audit-sign-in-wrong", "audit-search", "audit-found", "audit-refused", "audit-history",
    "audit-grant", "audit-error", "audit-integrity", "audit-state", "audit-changes", "audit-reports",
    "audit-report",
)  # fmt: skip

_SUBJECT: Final = "01a2269c5b7e7a1f9d3e6b0c4f8a2d17"
_GRANT: Final = "01a2269d0c3b7f42a6e1d8b95c704e3a"
_EVENTS: Final = (
    ("client web · trace 6c1f0e", "Client web asked for authorization.", "scope openid email"),
    (
        f"client web, person {_SUBJECT}",
        f"The person was identified as {_SUBJECT}.",
        "acr urn:authrim:acr:password",
    ),
    ("client web", "The client exchanged the code for tokens.", ""),
    ("client web", "A refresh token that had been replaced, generation 1, was used again.", ""),
    ("client web", "The grant was revoked: no token of it is valid any more.", "Somebody may have stolen it"),
)


def audit_page(pages: Pages, name: str, locale: str, text: str = "") -> web.Response:
    """A page by its name. ``text``: what every text of it is, in place of a sample."""
    common: dict[str, Any] = {
        "locale": locale,
        "home": f"/audit?{text}" if text else "/audit",
        "csrf_token": text or "t0ken",
        "auditor": text or _SUBJECT,
        "logout_url": f"/logout?{text}",
    }
    found = Found(_lines(text), 48, done=False)
    match name:
        case "audit-sign-in" | "audit-sign-in-wrong":
            wrong = name.endswith("wrong")
            page = AuditSignInPage(
                locale=locale,
                action_url="/audit/sign-in",
                csrf_token=text or "t0ken",
                login_value=text or ("alice" if wrong else ""),
                error_message=(text or texts.WRONG_CREDENTIALS) if wrong else None,
                error_id="0192f0c4a7b87c0d9e1f" if wrong else None,
            )
            return pages.audit("audit_sign_in", page)
        case "audit-search" | "audit-found":
            asked = {"client": text or "web", "error_id": text or "e1", "actor": "client"}
            return pages.audit(
                "audit_search",
                AuditSearchPage(
                    current="search",
                    types=(text or "grant.revoked.v1",),
                    asked=asked if name == "audit-found" else {},
                    found=found if name == "audit-found" else None,
                    **common,
                ),
            )
        case "audit-refused" | "audit-history":
            asks = name == "audit-refused"
            return pages.audit(
                "audit_history",
                AuditHistoryPage(
                    current="history",
                    kind="" if asks else text or "account",
                    id="" if asks else text or _SUBJECT,
                    asked={"kind": "account", "id": text or "alice"},
                    found=None if asks else found,
                    error_message=(text or "The question names a person.") if asks else None,
                    error_hint="Say why." if asks else "",
                    **common,
                ),
            )
        case "audit-grant":
            return pages.audit(
                "audit_history",
                AuditHistoryPage(
                    current="grant",
                    kind="grant",
                    id=text or _GRANT,
                    status=text or "revoked: A replaced refresh token was used again.",
                    found=Found(_lines(text), 48, done=True),
                    slider=_slider(text),
                    **common,
                ),
            )
        case "audit-error":
            explained = (
                ("error", text or "invalid_grant"),
                ("hint", text or "Start a new authorization request."),
            )
            page_ = AuditErrorPage(
                current="error", error=text or "e1", explained=explained, found=found, **common
            )
            return pages.audit("audit_error", page_)
    if name in ("audit-reports", "audit-report"):
        return _reports_page(pages, name, common, text)
    if name in ("audit-state", "audit-changes"):
        return _past_page(pages, name, common, text)
    facts = (
        Fact(audit_texts.HEAD, text or "48"),
        Fact(
            audit_texts.CHAIN_HEAD, text or "8cc8e9650f0754342d822dd3e1bf8ab91513da1a4c386d41aa1689d396c01f38"
        ),
        Fact(audit_texts.WHOLE, text or audit_texts.NO_DOUBT, good=True),
        Fact(audit_texts.INDEXED, text or "31", good=False),
    )
    return pages.audit(
        "audit_integrity", AuditIntegrityPage(current="integrity", facts_known=facts, **common)
    )


def _reports_page(pages: Pages, name: str, common: dict[str, Any], text: str) -> web.Response:
    """The form for a report, and a report."""
    chosen = {
        "framework": "soc2",
        "from": "2026-07-01",
        "to": "2026-10-01",
        "reason": text or "audit of 2026",
    }
    made = name == "audit-report"
    page = AuditReportsPage(
        current="reports",
        frameworks=(("iso27001", text or "ISO/IEC 27001"), ("soc2", text or "SOC 2, CC6 and CC7")),
        asked=chosen if made else {},
        title=text or "SOC 2, CC6 and CC7",
        report=body_of(sample_report(text)) if made else None,
        **common,
    )
    return pages.audit("audit_reports", page)


def _past_page(pages: Pages, name: str, common: dict[str, Any], text: str) -> web.Response:
    """What held at a time, and what was changed."""
    if name == "audit-state":
        rows = (
            ("client_id", text or "web"),
            ("scope", text or "openid email"),
            ("depends_on", text or "client: active"),
        )
        state = StateView(
            "grant", text or _GRANT, text or "revoked", "2026-11-29T09:25:54Z", rows, f"/audit?{text}"
        )
        asked = {"kind": "grant", "id": text or _GRANT}
        page = AuditStatePage(
            current="state",
            kinds=("grant", "key"),
            states=(state,),
            slider=_slider(text),
            asked=asked,
            **common,
        )
        return pages.audit("audit_state", page)
    fields = (
        ChangedFieldView(text or "scope", text or "openid", text or "openid email"),
        ChangedFieldView("client_secret", "", "", hidden=text or "changed"),
    )
    made = ChangeView(
        31,
        "2026-11-29 09:25:50.961",
        text or "The client's registration was replaced.",
        text or "administrator (uid 1000) on the command line",
        text or "client web",
        fields,
        readable=False,
    )
    return pages.audit(
        "audit_changes",
        AuditChangesPage(
            current="changes", kinds=("client", "key"), changes=(made,), position=31, done=False, **common
        ),
    )


def _slider(text: str) -> Slider:
    ticks = tuple((44 + number, text or f"2026-11-29 09:25:{50 + number}.961") for number in range(5))
    return Slider("grant", text or _GRANT, 44, 60, 46, ticks)


def _lines(text: str) -> tuple[AuditLine, ...]:
    return tuple(
        AuditLine(
            position=44 + number,
            time=f"2026-11-29 09:25:{50 + number}.961",
            by=text or by,
            what=text or what,
            details=(text or details,) if details else (),
            kind=text or "grant",
            id=text or _GRANT,
            url=f"/audit/grant/{text or _GRANT}",
            readable=number != 3,
        )
        for number, (by, what, details) in enumerate(_EVENTS)
    )
