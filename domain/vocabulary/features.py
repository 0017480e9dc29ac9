"""Names of the features that other code refers to. ``authrim/features/`` has the table of all features.

The settings (``features_on``, ``features_off``) and the documentation use the same names.
"""

from typing import Final

IMPLICIT: Final = "implicit"
HYBRID: Final = "hybrid"
RESPONSE_TYPE_NONE: Final = "response_type_none"
FORM_POST: Final = "form_post"
JARM: Final = "jarm"

REQUEST_OBJECTS: Final = "request_objects"
PUSHED_REQUESTS: Final = "pushed_requests"
USER_REGISTRATION: Final = "user_registration"

#: The two ways to bind a token to its sender (RFC 9449, RFC 8705). Profiles and registrations can require them.
DPOP: Final = "dpop"
MTLS: Final = "mtls"
CLIENT_ATTESTATION: Final = "client_attestation"

CLIENT_ID_METADATA: Final = "client_id_metadata"
PROTECTED_RESOURCE_METADATA: Final = "protected_resource_metadata"

SESSION_MANAGEMENT: Final = "session_management"
FRONTCHANNEL_LOGOUT: Final = "frontchannel_logout"
BACKCHANNEL_LOGOUT: Final = "backchannel_logout"

#: Our own, off until a setting switches them on.
INTROSPECTION_AT: Final = "introspection_at"
INTROSPECTION_POSITIONS: Final = "introspection_positions"
RECEIPTS: Final = "receipts"

#: Off until a setting switches it on.
SHARED_SIGNALS: Final = "shared_signals"

#: Our own: what a server tells ``authrim doctor``.
DOCTOR: Final = "doctor"
