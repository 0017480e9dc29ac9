"""What clients of FAPI profiles have and register: keys, certificates, and the rules of their variant."""

from typing import Any

import msgspec
from joserfc.jwk import RSAKey

from authrim.protocol.mtls import jwk_of
from tests.support.assertion import Key, new_key, public_jwks
from tests.support.certificates import IssuedCertificate, self_signed
from tests.support.dpop import proof_key
from tests.support.fapi_plans import Variant
from tests.support.mtls import ROOT


class Identity(msgspec.Struct, frozen=True):
    """What one client has and no other: its keys and its certificate."""

    signing: Key
    dpop: Key
    certificate: IssuedCertificate
    method: str
    more: tuple[Key, ...] = ()

    def registration(self, variant: Variant) -> dict[str, Any]:
        """What ``authrim client create --profile`` would register for the variant."""
        return self._authentication(variant) | _rules(variant)

    def _authentication(self, variant: Variant) -> dict[str, Any]:
        """How it authenticates, and the keys it registers."""
        keys = public_jwks(self.signing, *self.more)["keys"]
        if variant.by_jwt:
            return {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": keys}}
        fields: dict[str, Any] = {"token_endpoint_auth_method": self.method}
        if self.method == "tls_client_auth":
            fields["tls_client_auth_subject_dn"] = self.certificate.certificate.subject.rfc4514_string()
        else:
            keys = [*keys, jwk_of(self.certificate.pem.encode())]
        return fields | {"jwks": {"keys": keys}}


def _rules(variant: Variant) -> dict[str, Any]:
    """What it may ask for, and what it is held to."""
    fields: dict[str, Any] = {
        "profile": variant.profile,
        "scope": ("openid", "profile", "email", "address", "phone", "offline_access", "accounts"),
        "dpop_bound_access_tokens": variant.dpop,
        "tls_client_certificate_bound_access_tokens": not variant.dpop,
        "require_signed_request_object": variant.signed,
        "response_modes": ("jwt",) if variant.jarm else (),
        "authorization_signed_response_alg": "ES256",
    }
    if variant.hybrid:
        grant_types = ("authorization_code", "implicit", "refresh_token")
        fields |= {"response_types": ("code id_token",), "grant_types": grant_types}
    return fields


#: A registered key, and the same with the algorithm that FAPI does not allow.
RSA_KEY = new_key("PS256", "rsa")
RS256_KEY = RSAKey.import_key(RSA_KEY.as_dict(private=True) | {"alg": "RS256"})
#: The first client has its certificate from an authority, the second one has made its own.
IDENTITIES = (
    Identity(new_key("ES256", "first"), proof_key(), ROOT.issue("first"), "tls_client_auth", (RSA_KEY,)),
    Identity(new_key("ES256", "second"), proof_key(), self_signed("second"), "self_signed_tls_client_auth"),
)
