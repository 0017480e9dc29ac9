"""Signs the tokens of a receiver with the algorithm of its client's ID tokens: what it can verify."""

from authrim.core.parts import Core
from authrim.protocol.security_event_token import sign_set
from authrim.signals._tokens import Token
from authrim.signals.receivers import Receiver


async def sign(core: Core, receiver: Receiver, token: Token) -> str:
    """The token as it is sent. Raises CannotSign."""
    alg = receiver.client.metadata.id_token_signed_response_alg
    signer = core.key_ring.signer(receiver.tenant, alg, core.now())
    return await sign_set(signer, core.issuer, receiver.client.client_id, token.event)
