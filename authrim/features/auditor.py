"""The auditor's pages."""

from typing import Final

from authrim.auditor import bundle_endpoint as bundle
from authrim.auditor import changes_endpoint as changes
from authrim.auditor import history_endpoint as history
from authrim.auditor import integrity_endpoint as integrity
from authrim.auditor import lineage_endpoint as lineage
from authrim.auditor import reports_endpoint as reports
from authrim.auditor import search_endpoint as search
from authrim.auditor import sign_in_endpoint as sign_in
from authrim.auditor import state_endpoint as state
from authrim.features.feature import Feature, Handler, Route
from authrim.web.overload import Urgency


def _page(path: str, name: str, shows: Handler, takes: Handler | None = None) -> tuple[Route, ...]:
    """The routes of one page, which are hidden from everybody else."""
    shown = Route("GET", path, shows, name, head=True, hidden=True)
    return (shown,) if takes is None else (shown, Route("POST", path, takes, f"{name}_post", hidden=True))


AUDITOR: Final[tuple[Feature, ...]] = (
    Feature(
        "auditor_pages",
        "our own",
        (
            *_page("/audit", "audit", search.show_search, search.answer_search),
            *_page("/audit/sign-in", "audit_sign_in", sign_in.show_sign_in, sign_in.answer_sign_in),
            *_page("/audit/history", "audit_history", history.show_history, history.answer_history),
            *_page(r"/audit/grant/{grant_id:[A-Za-z0-9\-._~]+}", "audit_grant", history.show_grant),
            *_page(r"/audit/error/{error_id:[A-Za-z0-9\-._~]+}", "audit_error", history.show_error),
            *_page("/audit/state", "audit_state", state.show_state, state.answer_state),
            *_page("/audit/changes", "audit_changes", changes.show_changes, changes.answer_changes),
            Route("POST", "/audit/lineage", lineage.draw_lineage, "audit_lineage_post", hidden=True),
            Route("POST", "/audit/bundle", bundle.take_bundle, "audit_bundle_post", hidden=True),
            *_page("/audit/reports", "audit_reports", reports.show_reports, reports.answer_reports),
            Route("POST", "/audit/report", reports.take_report, "audit_report_post", hidden=True),
            *_page("/audit/integrity", "audit_integrity", integrity.show_integrity),
        ),
        optional=True,
        urgency=Urgency.ADMINISTRATION,
    ),
)
