"""The figures of the section on FAPI and open banking, and the exceptions that they show."""

from typing import Final

from domain.report.exceptions import Rule

#: The name of each figure, its label, its meaning and its unit.
FIGURES: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        "clients", "Clients with a FAPI profile",
        "Clients that are registered with a FAPI profile at the end of the period.", "clients",
    ),
    ("requests", "Authorizations begun", "Authorization requests of these clients that were accepted.", "requests"),
    (
        "pushed", "Requests that were pushed",
        "Those of them that the client sent to the server directly, after it had proved who it is (PAR, RFC 9126).",
        "requests",
    ),
    (
        "not_pushed", "Requests that should have been pushed",
        "Accepted requests that were not pushed, although the profile demands it. There must be none.", "requests",
    ),
    ("signed", "Requests that were signed", "Those of them that the client had signed (RFC 9101).", "requests"),
    (
        "not_signed", "Requests that should have been signed",
        "Accepted requests that were not signed, although the profile demands it. There must be none.", "requests",
    ),
    (
        "pkce", "Requests with PKCE",
        "Those of them whose code only the client that asked for it can exchange (PKCE, RFC 7636). This server knows "
        "the method S256 and no other.", "requests",
    ),
    (
        "jarm", "Requests with a signed answer", "Those of them that were to be answered by a signed JWT (JARM).",
        "requests",
    ),
    (
        "answered", "FAPI: authorizations that succeeded",
        "How many authorizations ended with a code or tokens for the client.", "answers",
    ),
    (
        "refused", "FAPI: authorizations that ended with an error",
        "How many ended with an error for the client, as when the person declined.", "answers",
    ),
    (
        "abandoned", "Authorizations without an answer",
        "Requests of the period that nobody went on with until their time was over.", "requests",
    ),
    (
        "waiting", "Authorizations that still wait",
        "Requests whose time was not over at the end of the period, and that had no answer yet.", "requests",
    ),
    ("sign_ins", "Sign-ins for these clients", "How often a person signed in during an authorization.", "sign-ins"),
    (
        "by_session", "Known from a session",
        "How often a person was known from a session of the browser during an authorization.", "times",
    ),
    (
        "several_methods", "Authentications with several methods",
        "How often the person was authenticated with more than one method, such as a password and a one-time code. "
        "Strong customer authentication needs two independent elements.", "times",
    ),
    (
        "one_method", "Authentications with one method",
        "How often the person was authenticated with a single method, such as a password.", "times",
    ),
    ("consents", "FAPI: consents given", "How often a person agreed during an authorization.", "consents"),
    ("codes", "Codes issued", "Authorization codes that these clients were given.", "codes"),
    ("redeemed", "Codes exchanged", "Codes that the client exchanged for tokens.", "codes"),
    (
        "code_replays", "Codes presented twice",
        "How often a client presented a code that had been exchanged. The tokens of the code are revoked then.",
        "times",
    ),
    ("tokens", "FAPI: access tokens issued", "Access tokens that these clients were given.", "tokens"),
    ("bound", "Bound access tokens", "Those of them that are bound to a key of the client.", "tokens"),
    (
        "unbound", "Access tokens without a key",
        "Access tokens of these clients that are not bound to a key. There must be none.", "tokens",
    ),
    (
        "rotated", "Refresh tokens replaced at a use",
        "How often a refresh token was replaced by a new one. FAPI 2.0 asks that it stays as it is.", "times",
    ),
    (
        "refresh_replays", "Replaced refresh tokens used again",
        "How often a refresh token came again that had been replaced, as a thief would do. Everything of the grant is "
        "revoked then.", "times",
    ),
    (
        "secret_used", "Authentications with a secret",
        "How often one of these clients authenticated with a client secret. There must be none.", "requests",
    ),
    (
        "rejected", "FAPI: requests refused",
        "Requests of these clients that were refused before they belonged to an authorization, so far as each one is "
        "recorded: of a flood only the number is.", "requests",
    ),
    (
        "left_profile", "Clients that left a FAPI profile",
        "Changes of a registration during the period after which a client has no FAPI profile any more.", "changes",
    ),
)  # fmt: skip
RULES: Final = (
    Rule(
        "fapi.not_pushed", "critical",
        "Requests that were accepted without having been pushed, although the profile demands it: {value}.",
    ),
    Rule(
        "fapi.not_signed", "critical",
        "Requests that were accepted unsigned, although the profile demands a signature: {value}.",
    ),
    Rule("fapi.unbound", "critical", "Access tokens of FAPI clients that are not bound to a key: {value}."),
    Rule("fapi.secret_used", "critical", "Authentications of FAPI clients with a client secret: {value}."),
    Rule(
        "fapi.code_replays", "warning",
        "Codes of FAPI clients that were presented twice: {value}. Somebody may have stolen them, or the client "
        "repeats its requests.",
    ),
    Rule(
        "fapi.refresh_replays", "warning",
        "Refresh tokens of FAPI clients that had been replaced and came again: {value}. Somebody may have stolen them.",
    ),
    Rule(
        "fapi.one_method", "note",
        "People who were authenticated with one method alone: {value} times. Where strong customer authentication is "
        "owed (RTS Art. 4), two independent elements are needed.",
    ),
    Rule(
        "fapi.left_profile", "warning",
        "Clients that left a FAPI profile: {value}. From then on less is demanded of them.",
    ),
)  # fmt: skip
