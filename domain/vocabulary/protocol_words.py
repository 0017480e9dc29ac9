"""What words of the specifications mean, for readers of a report who do not know them."""

from typing import Final

#: Errors (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, and those that came later).
ERRORS: Final[dict[str, str]] = {
    "access_denied": "the person declined, or the person or client may not do this",
    "account_selection_required": "the person would have had to choose an account, and the client asked for no page",
    "consent_required": "the person would have had to agree, and the client asked for no page",
    "insufficient_scope": "the access token does not allow this",
    "interaction_required": "a page would have been needed, and the client asked for none",
    "invalid_client": "the client did not prove who it is",
    "invalid_client_metadata": "what the client says of itself is wrong or not allowed",
    "invalid_dpop_proof": "the proof that the client has its key is missing or wrong",
    "invalid_grant": "the code or token that the client presented is wrong, over, or was given to another one",
    "invalid_redirect_uri": "an address of the client is wrong or not allowed",
    "invalid_request": "the request is wrong or incomplete",
    "invalid_request_object": "the signed request is wrong or not signed by the client",
    "invalid_request_uri": "the address of the request is wrong or not allowed",
    "invalid_scope": "the client asked for more than there is, or than it may have",
    "invalid_software_statement": "the statement about the client's software is wrong or not signed by whom it names",
    "invalid_target": "the client asked for a token for an API that is not known, or not allowed to it",
    "invalid_token": "the access token is wrong, over, or not for this",
    "login_required": "the person would have had to sign in, and the client asked for no page",
    "request_not_supported": "this server takes no request in a parameter",
    "request_uri_not_supported": "this server fetches no requests",
    "server_error": "this server failed",
    "temporarily_unavailable": "this server was too busy, or its database away",
    "unauthorized_client": "the client may not use this",
    "unmet_authentication_requirements": "the person could not be authenticated as strongly as the client asked",
    "unsupported_grant_type": "this server does not know what the client wanted to exchange for a token",
    "unsupported_response_type": "this server does not know the kind of answer that was asked for",
    "use_attestation_challenge": "the client has to try again with a value that the server gave it",
    "use_dpop_nonce": "the client has to try again with a value that the server gave it",
}
#: How clients authenticate (RFC 7591 §2, RFC 8705 §2, OpenID Connect Core §9).
METHODS: Final[dict[str, str]] = {
    "attest_jwt_client_auth": "what its maker attests, with a key of its own",
    "attest_jwt_client_auth_dpop": "what its maker attests, with a key of its own",
    "client_secret_basic": "a secret in a header",
    "client_secret_jwt": "a text that is signed with a secret, which is not sent",
    "client_secret_post": "a secret in the form",
    "none": "nothing: the client is public, so it has no credentials",
    "private_key_jwt": "a text that is signed with a key of its own",
    "self_signed_tls_client_auth": "a certificate that the client made itself and registered",
    "tls_client_auth": "a certificate that an authority issued",
}


def with_meaning(word: str, meanings: dict[str, str]) -> str:
    """A word, with what it means where that is known."""
    return f"{word}: {meanings[word]}" if word in meanings else word
