"""The modules of the conformance suite's three FAPI plans (version 5.2.4), and the variants that each runs in.

Literal lists: a test that is missing here is missing. For each module stand the values of a variant that it needs; it
runs in every variant that has them all. Modules that the profile ``plain_fapi`` leaves to a country are left out.
"""

import re
from itertools import product

import msgspec

FAPI2 = "fapi2-security-profile-final"
FAPI1 = "fapi1-advanced-final"


class Variant(msgspec.Struct, frozen=True):
    """One way to run a plan: the profile that the client is registered with, and the values that the suite names.

    ``signed``: requests are signed objects. ``pushed``: they go to the PAR endpoint. ``jarm``: answers are signed.
    """

    profile: str
    client_auth: str
    sender: str
    openid: bool = True
    signed: bool = False
    pushed: bool = True
    jarm: bool = False

    @property
    def dpop(self) -> bool:
        return self.sender == "dpop"

    @property
    def by_jwt(self) -> bool:
        """Whether the client authenticates with an assertion."""
        return self.client_auth == "private_key_jwt"

    @property
    def hybrid(self) -> bool:
        """FAPI 1 without JARM has the ID token as a detached signature: ``code id_token``."""
        return self.profile == "fapi1-advanced" and not self.jarm

    @property
    def values(self) -> frozenset[str]:
        return frozenset(
            (
                self.client_auth,
                self.sender,
                "openid_connect" if self.openid else "plain_oauth",
                "signed" if self.signed else "unsigned",
                "pushed" if self.pushed else "by_value",
                "jarm" if self.jarm else "plain_response",
            )
        )

    def __str__(self) -> str:
        """The test's name: what differs within the plan."""
        parts = [self.client_auth]
        if self.profile == "fapi1-advanced":
            parts.append("pushed" if self.pushed else "by_value")
        else:
            parts += [self.sender, "openid" if self.openid else "oauth"]
            parts += ["jar"] * self.signed
        return "-".join(parts + ["jarm"] * self.jarm)


_AUTH = ("private_key_jwt", "mtls")
_SENDER = ("dpop", "mtls")
_BOTH = (True, False)

SECURITY = tuple(
    Variant("fapi2-security", auth, sender, openid) for auth, sender, openid in product(_AUTH, _SENDER, _BOTH)
)
#: Signed requests, signed answers, or both. Our profile of the same name demands both.
MESSAGE_SIGNING = tuple(
    Variant(
        "fapi2-message-signing" if signed and jarm else "fapi2-security",
        auth, sender, openid, signed=signed, jarm=jarm,
    )
    for auth, sender, openid, (signed, jarm) in product(
        _AUTH, _SENDER, _BOTH, ((True, False), (False, True), (True, True))
    )
)  # fmt: skip
ADVANCED = tuple(
    Variant("fapi1-advanced", auth, "mtls", signed=True, pushed=pushed, jarm=jarm)
    for auth, pushed, jarm in product(_AUTH, _BOTH, _BOTH)
)

#: fapi2-security-profile-final-test-plan and fapi2-message-signing-final-test-plan have the same modules.
FAPI2_MODULES: dict[str, str] = {
    "discovery-end-point-verification": "",
    "happy-flow": "",
    "user-rejects-authentication": "",
    "ensure-request-object-with-multiple-aud-succeeds": "signed",
    "ensure-authorization-request-without-state-success": "",
    "ensure-authorization-request-without-nonce-success": "openid_connect",
    "ensure-authorization-request-with-64-char-nonce-success": "openid_connect",
    "ensure-other-scope-order-succeeds": "openid_connect",
    "test-claims-parameter-identity-claims": "openid_connect",
    "access-token-type-header-case-sensitivity": "",
    "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted": "signed",
    "check-dpop-proof-nbf-exp": "dpop",
    "ensure-dpopproof-with-iat-10seconds-before-succeeds": "dpop",
    "ensure-dpopproof-with-iat-10seconds-after-succeeds": "dpop",
    "ensure-mismatched-dpop-jkt-fails": "dpop",
    "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt": "dpop",
    "ensure-token-endpoint-fails-with-mismatched-dpop-jkt": "dpop",
    "ensure-dpopproof-at-par-endpoint-binding-success": "dpop",
    "ensure-dpop-auth-code-binding-success": "dpop",
    "ensure-different-nonce-inside-and-outside-request-object": "openid_connect",
    "ensure-different-state-inside-and-outside-request-object": "",
    "ensure-authorization-request-with-long-nonce": "openid_connect",
    "ensure-authorization-request-with-long-state": "",
    "ensure-request-object-without-exp-fails": "signed",
    "ensure-request-object-without-nbf-fails": "signed",
    "state-only-outside-request-object-not-used": "",
    "ensure-request-object-without-redirect-uri-fails": "",
    "ensure-expired-request-object-fails": "signed",
    "ensure-request-object-with-bad-aud-fails": "signed",
    "ensure-request-object-with-exp-over-60-fails": "signed",
    "ensure-request-object-with-nbf-over-60-fails": "signed",
    "ensure-signed-request-object-with-RS256-fails": "signed",
    "ensure-request-object-signature-algorithm-is-not-none": "signed",
    "ensure-request-object-with-invalid-signature-fails": "signed",
    "ensure-matching-key-in-authorization-request": "signed",
    "ensure-unsigned-request-at-par-endpoint-fails": "signed",
    "plain-fapi-tolerate-unregistered-redirect-uri": "",
    "ensure-unsigned-authorization-request-without-using-par-fails": "",
    "ensure-redirect-uri-in-authorization-request": "",
    "ensure-response-type-code-idtoken-fails": "",
    "ensure-response-type-token-fails": "",
    "ensure-client-id-in-token-endpoint": "",
    "ensure-holder-of-key-required": "",
    "ensure-authorization-code-is-bound-to-client": "",
    "attempt-reuse-authorization-code-after-one-second": "",
    "ensure-token-endpoint-fails-with-expired-auth-code": "",
    "ensure-signed-client-assertion-with-RS256-fails": "private_key_jwt",
    "ensure-client-assertion-in-token-endpoint": "private_key_jwt",
    "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails": "private_key_jwt",
    "ensure-client-assertion-with-wrong-aud-fails": "private_key_jwt",
    "ensure-client-assertion-with-no-sub-fails": "private_key_jwt",
    "dpop-negative-tests": "dpop",
    "refresh-token": "",
    "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": "",
    "par-attempt-reuse-request_uri": "",
    "par-attempt-to-use-expired-request_uri": "",
    "par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted": "private_key_jwt",
    "par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails": "private_key_jwt",
    "par-attempt-to-use-request_uri-for-different-client": "",
    "par-authorization-request-containing-request_uri-form-param": "",
    "par-attempt-invalid-http-method": "",
    "par-ensure-pkce-required": "",
    "ensure-pkce-code-verifier-required": "",
    "incorrect-pkce-code-verifier-rejected": "",
    "par-plain-pkce-rejected": "",
    "par-authorization-request-containing-request_uri": "signed",
    "par-without-duplicate-parameters": "",
    "par-test-array-as-audience-fails": "private_key_jwt",
    "par-test-par-endpoint-url-as-audience-fails": "private_key_jwt",
    "par-test-token-endpoint-url-as-audience-fails": "private_key_jwt",
}

#: fapi1-advanced-final-test-plan. The happy flow's own name is the plan's.
FAPI1_MODULES: dict[str, str] = {
    "discovery-end-point-verification": "",
    "": "",
    "user-rejects-authentication": "",
    "ensure-request-object-with-multiple-aud-succeeds": "",
    "ensure-authorization-request-without-state-success": "",
    "ensure-valid-pkce-succeeds": "by_value",
    "ensure-other-scope-order-succeeds": "",
    "access-token-type-header-case-sensitivity": "",
    "ensure-response-mode-query": "",
    "ensure-different-nonce-inside-and-outside-request-object": "",
    "ensure-registered-redirect-uri": "",
    "ensure-request-object-with-long-nonce": "",
    "ensure-request-object-with-64-char-nonce-success": "",
    "ensure-request-object-with-long-state": "",
    "ensure-request-object-without-exp-fails": "",
    "ensure-request-object-without-nbf-fails": "",
    "ensure-request-object-without-scope-fails": "",
    "state-only-outside-request-object-not-used": "",
    "ensure-request-object-without-nonce-fails": "",
    "ensure-request-object-without-redirect-uri-fails": "",
    "ensure-expired-request-object-fails": "",
    "ensure-request-object-with-bad-aud-fails": "",
    "ensure-request-object-with-exp-over-60-fails": "",
    "ensure-request-object-with-nbf-over-60-fails": "",
    "ensure-signed-request-object-with-RS256-fails": "",
    "ensure-request-object-signature-algorithm-is-not-none": "",
    "ensure-request-object-with-invalid-signature-fails": "",
    "ensure-matching-key-in-authorization-request": "",
    "ensure-authorization-request-without-request-object-fails": "",
    "ensure-redirect-uri-in-authorization-request": "",
    "ensure-response-type-code-fails": "",
    "ensure-client-id-in-token-endpoint": "",
    "ensure-mtls-holder-of-key-required": "",
    "ensure-authorization-code-is-bound-to-client": "",
    "attempt-reuse-authorisation-code-after-one-second": "",
    "ensure-signed-client-assertion-with-RS256-fails": "private_key_jwt",
    "ensure-client-assertion-in-token-endpoint": "private_key_jwt",
    "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails": "private_key_jwt",
    "ensure-client-assertion-with-wrong-aud-fails": "private_key_jwt",
    "ensure-client-assertion-with-no-sub-fails": "private_key_jwt",
    "ensure-client-assertion-with-wrong-iss-fails": "private_key_jwt",
    "ensure-client-assertion-with-wrong-sub-fails": "private_key_jwt",
    "ensure-client-assertion-with-iss-aud-succeeds": "private_key_jwt",
    "refresh-token": "",
    "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": "pushed",
    "par-attempt-reuse-request_uri": "pushed",
    "par-attempt-to-use-expired-request_uri": "pushed",
    "par-test-pushed-authorization-url-as-audience-for-client-JWT-assertion": "pushed private_key_jwt",
    "par-token-endpoint-url-as-audience-for-client-JWT-assertion": "pushed private_key_jwt",
    "test-array-as-audience-for-client-JWT-assertion": "private_key_jwt",
    "par-ensure-client-assertion-with-wrong-aud-fails": "pushed private_key_jwt",
    "par-ensure-client-assertion-with-wrong-iss-fails": "pushed private_key_jwt",
    "par-ensure-client-assertion-with-wrong-sub-fails": "pushed private_key_jwt",
    "par-attempt-to-use-request_uri-for-different-client": "pushed",
    "par-authorization-request-containing-request_uri-form-param": "pushed",
    "par-attempt-invalid-http-method": "pushed",
    "par-ensure-pkce-required": "pushed",
    "ensure-pkce-code-verifier-required": "pushed",
    "incorrect-pkce-code-verifier-rejected": "pushed",
    "par-plain-pkce-rejected": "pushed",
    "par-pushed-authorization-url-as-audience-in-request-object": "pushed",
    "par-attempt-invalid-redirect_uri": "pushed",
    "par-authorization-request-containing-request_uri": "pushed",
    "par-without-duplicate-parameters": "pushed",
}


class Plan(msgspec.Struct, frozen=True):
    """Modules by the name of the test that stands for them, and the variants of the plan."""

    prefix: str
    modules: dict[str, str]
    variants: tuple[Variant, ...]

    def module_of(self, test: str) -> str | None:
        """The full name of the module that a test function is for."""
        return next((self.full_name(module) for module in self.modules if self.test_of(module) == test), None)

    def full_name(self, module: str) -> str:
        return f"{self.prefix}-{module}".rstrip("-")

    def test_of(self, module: str) -> str:
        """The name of the test function that stands for the module."""
        return "test_" + re.sub(r"\W", "_", module or self.prefix).removeprefix("test_").lower()

    def runs_in(self, module: str) -> list[Variant]:
        """The variants that the module runs in."""
        needed = frozenset(self.modules[module.removeprefix(self.prefix).removeprefix("-")].split())
        return [variant for variant in self.variants if needed <= variant.values]


SECURITY_PLAN = Plan(FAPI2, FAPI2_MODULES, SECURITY)
MESSAGE_SIGNING_PLAN = Plan(FAPI2, FAPI2_MODULES, MESSAGE_SIGNING)
#: Both, which the same tests are for.
FAPI2_PLANS = Plan(FAPI2, FAPI2_MODULES, SECURITY + MESSAGE_SIGNING)
ADVANCED_PLAN = Plan(FAPI1, FAPI1_MODULES, ADVANCED)
