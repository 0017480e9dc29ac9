"""The auditor's pages. They bring reports, evidence and the reading of the past, so each is imported on demand."""

from typing import Final

from authrim.features.feature import Feature, Route
from authrim.features.on_demand import on_demand
from authrim.web.overload import Urgency


def _shown(path: str, name: str, module: str, shows: str) -> Route:
    """What shows a page. The routes are hidden from everybody else."""
    handler = on_demand(f"authrim.auditor.{module}", shows)
    return Route("GET", path, handler, name, head=True, hidden=True)


def _taken(path: str, name: str, module: str, takes: str) -> Route:
    """What takes a form."""
    return Route("POST", path, on_demand(f"authrim.auditor.{module}", takes), f"{name}_post", hidden=True)


_GRANT = r"/audit/grant/{grant_id:[A-Za-z0-9\-._~]+}"
_ERROR = r"/audit/error/{error_id:[A-Za-z0-9\-._~]+}"

AUDITOR: Final[tuple[Feature, ...]] = (
    Feature(
        "auditor_pages",
        "our own",
        (
            _shown("/audit", "audit", "search_endpoint", "show_search"),
            _taken("/audit", "audit", "search_endpoint", "answer_search"),
            _shown("/audit/sign-in", "audit_sign_in", "sign_in_endpoint", "show_sign_in"),
            _taken("/audit/sign-in", "audit_sign_in", "sign_in_endpoint", "answer_sign_in"),
            _shown("/audit/history", "audit_history", "history_endpoint", "show_history"),
            _taken("/audit/history", "audit_history", "history_endpoint", "answer_history"),
            _shown(_GRANT, "audit_grant", "history_endpoint", "show_grant"),
            _shown(_ERROR, "audit_error", "history_endpoint", "show_error"),
            _shown("/audit/state", "audit_state", "state_endpoint", "show_state"),
            _taken("/audit/state", "audit_state", "state_endpoint", "answer_state"),
            _shown("/audit/changes", "audit_changes", "changes_endpoint", "show_changes"),
            _taken("/audit/changes", "audit_changes", "changes_endpoint", "answer_changes"),
            _taken("/audit/lineage", "audit_lineage", "lineage_endpoint", "draw_lineage"),
            _taken("/audit/bundle", "audit_bundle", "bundle_endpoint", "take_bundle"),
            _shown("/audit/reports", "audit_reports", "reports_endpoint", "show_reports"),
            _taken("/audit/reports", "audit_reports", "reports_endpoint", "answer_reports"),
            _taken("/audit/report", "audit_report", "reports_endpoint", "take_report"),
            _shown("/audit/integrity", "audit_integrity", "integrity_endpoint", "show_integrity"),
        ),
        optional=True,
        urgency=Urgency.ADMINISTRATION,
    ),
)
