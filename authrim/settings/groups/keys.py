"""The master key, the keys that sign tokens, and the keys that clients encrypt to."""

from pathlib import Path

from pydantic import Field, SecretStr

from authrim.settings.kinds import (
    Algorithms,
    EncryptionAlgorithms,
    Group,
    MasterKey,
    MasterKeyList,
    Seconds,
    TokenLabel,
)
from domain.units import DAY


class Keys(Group):
    """The master key, the keys that sign tokens, and the keys that clients encrypt to."""

    master_keys: MasterKeyList = Field(
        default=(),
        description="32 random bytes each, as base64url without padding. The first one encrypts; the others "
        "only decrypt what they encrypted earlier. If a key is lost, what it encrypted is lost. "
        "The last one also derives pairwise subjects, so it must stay the last until "
        "`authrim keys rotate-master` has replaced it.",
    )
    master_key_file: Path | None = Field(
        default=None, description="A file with the master keys, one per line, instead of `master_keys`."
    )
    next_master_key: MasterKey | None = Field(
        default=None,
        description="A master key that does not encrypt yet, but decrypts what other processes encrypted with it. With "
        "several machines, give it to all of them before it becomes the first of `master_keys` on any.",
    )
    next_master_key_file: Path | None = Field(
        default=None, description="A file with that key, instead of `next_master_key`."
    )
    pkcs11_module: Path | None = Field(
        default=None,
        description="The PKCS #11 library of a token (an HSM). New signing keys are then made in the token, and never "
        "leave it. Needs `authrim[pkcs11]`.",
    )
    pkcs11_token: TokenLabel | None = Field(default=None, description="The label of the token.")
    pkcs11_pin: SecretStr | None = Field(default=None, description="The PIN of the token's user.")
    pkcs11_pin_file: Path | None = Field(
        default=None, description="A file with that PIN, instead of `pkcs11_pin`."
    )
    signing_algorithms: Algorithms = Field(
        default=("ES256", "RS256"),
        min_length=1,
        description="The algorithms that the server keeps signing keys for. The first one signs access "
        "tokens. OpenID Connect Core §15.1 requires `RS256` among them.",
    )
    encryption_algorithms: EncryptionAlgorithms = Field(
        default=("RSA-OAEP-256", "ECDH-ES"),
        description="The algorithms that the server keeps encryption keys for, so that clients can encrypt "
        "request objects. `ECDH-ES` includes its key wrapping variants. Empty: no client can.",
    )
    jwks_cache_seconds: Seconds = Field(
        default=900,
        ge=60,
        le=DAY,
        description="How long others may cache the key set. A new key is published this long before it signs.",
    )
