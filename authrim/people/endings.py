"""Which of a person's grants are over, as the account's row beside the log says."""

import msgspec

from domain.person.grant_ending import NO_ENDINGS, Endings


class _Marks(msgspec.Struct, frozen=True):
    """The part of an account's state that every look-up of a token needs."""

    endings: Endings = NO_ENDINGS


_decode = msgspec.json.Decoder(_Marks).decode


def endings_of(account_document: str | None) -> Endings:
    """The marks of an account; none when there is no such row, for whose tokens nothing is active anyway."""
    return NO_ENDINGS if account_document is None else _decode(account_document).endings
