"""One order of a certificate (RFC 8555 §7.4), by certbot's library, answered by HTTP-01 (§8.3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from acme import challenges, client, crypto_util, errors, messages, standalone
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from authrim import __version__
from authrim.wire.certificate_order import AcmeOrder, NoCertificate

#: How long one request to the authority may take, and the whole order, in seconds.
_REQUEST_SECONDS: Final = 20
_ORDER_SECONDS: Final = 120

#: An authority may refuse any nonce, again and again (RFC 8555 §6.5). The library asks once more, and then gives up.
_BAD_NONCE: Final = "urn:ietf:params:acme:error:badNonce"
_TRIES: Final = 4


def ordered(order: AcmeOrder) -> bytes:
    """The certificate and those of its issuers, as PEM. Raises NoCertificate."""
    try:
        for _ in range(_TRIES - 1):
            try:
                return _ordered_once(order)
            except errors.BadNonce:
                continue
            except messages.Error as failed:
                if failed.typ != _BAD_NONCE:
                    raise
        return _ordered_once(order)
    except errors.ValidationError as failed:
        raise NoCertificate(_why_invalid(failed, order.http_port)) from None
    except messages.Error as failed:
        raise NoCertificate(f"the authority refuses: {failed.typ}: {failed.detail}") from None
    except errors.TimeoutError:
        raise NoCertificate(
            "the authority has not looked at the name in time: it is tried again later"
        ) from None
    except NoCertificate:
        raise
    except Exception as failed:  # what is JSON, but no answer of RFC 8555, ends in the library as anything
        raise NoCertificate(
            f"acme_directory: no answer to be understood ({type(failed).__name__}): is the address right, and is its "
            "certificate known (acme_ca_file)?"
        ) from None


def _ordered_once(order: AcmeOrder) -> bytes:
    _private_key(order.key)  # which says what is wrong with it
    authority = _authority(order)
    wanted = authority.new_order(crypto_util.make_csr(order.key.read_bytes(), list(order.names)))
    asked = [_http_challenge(authorization) for authorization in _open(wanted)]
    with _answering(authority, order.http_port, asked):
        for challenge in asked:
            authority.answer_challenge(challenge, challenge.response(authority.net.key))
        # The library counts in local time.
        done = authority.poll_and_finalize(wanted, datetime.now() + timedelta(seconds=_ORDER_SECONDS))  # noqa: DTZ005
    return done.fullchain_pem.encode()


def _authority(order: AcmeOrder) -> client.ClientV2:
    """The authority, which knows our account (RFC 8555 §7.3)."""
    account_key = _private_key(order.account_key)
    if not isinstance(account_key, ec.EllipticCurvePrivateKey) or account_key.key_size != 256:
        raise NoCertificate(f"{order.account_key}: must be an EC key of the curve P-256")
    key = JWKEC(key=cast(Any, account_key))
    verify: Any = True if order.authority is None else str(order.authority)
    net = client.ClientNetwork(
        key,
        alg=ES256,
        verify_ssl=verify,
        user_agent=f"authrim/{__version__}",
        timeout=_REQUEST_SECONDS,
    )
    authority = client.ClientV2(client.ClientV2.get_directory(order.directory, net), net)
    wanted = messages.NewRegistration.from_data(email=order.contact, terms_of_service_agreed=True)
    try:
        authority.new_account(wanted)
    except errors.ConflictError as known:
        net.account = messages.RegistrationResource(uri=known.location, body=messages.Registration())
    return authority


def _private_key(file: Path) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(file.read_bytes(), password=None)
    except OSError as failed:
        raise NoCertificate(f"{file}: {failed.strerror}") from None
    except (ValueError, TypeError):
        raise NoCertificate(
            f"{file}: is no private key without a password (PEM): delete it, and another one is made"
        ) from None


def _open(wanted: messages.OrderResource) -> list[messages.AuthorizationResource]:
    """The authorizations that are not given yet: an authority remembers a name for some time."""
    return [one for one in wanted.authorizations if one.body.status != messages.STATUS_VALID]


def _http_challenge(authorization: messages.AuthorizationResource) -> messages.ChallengeBody:
    for challenge in authorization.body.challenges:
        if isinstance(challenge.chall, challenges.HTTP01):
            return challenge
    raise NoCertificate(f"{authorization.body.identifier.value}: the authority offers no HTTP-01 for it")


@contextmanager
def _answering(authority: client.ClientV2, port: int, asked: list[messages.ChallengeBody]) -> Iterator[None]:
    """Answer the authority for as long as the order takes; nothing listens otherwise."""
    if not asked:
        yield
        return
    resource = standalone.HTTP01RequestHandler.HTTP01Resource
    key = authority.net.key
    resources = {resource(one.chall, one.response(key), one.validation(key)) for one in asked}
    try:
        servers = standalone.HTTP01DualNetworkedServers(("", port), resources)
    except OSError as failed:
        raise NoCertificate(
            f"acme_http_port: cannot listen on port {port}: {failed.strerror}: free it, or allow the server to use it "
            "(CAP_NET_BIND_SERVICE)"
        ) from None
    servers.serve_forever()
    try:
        yield
    finally:
        servers.shutdown_and_server_close()


def _why_invalid(failed: errors.ValidationError, port: int) -> str:
    found = [
        f"{one.body.identifier.value}: {challenge.error.typ}: {challenge.error.detail}"
        for one in failed.failed_authzrs
        for challenge in one.body.challenges
        if challenge.error is not None
    ]
    return "; ".join(found) + f": the name must lead here, and its port 80 to port {port} of this machine"
