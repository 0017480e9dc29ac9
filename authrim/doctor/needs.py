"""What a check needs, so that it is passed over where that is missing."""

from enum import Enum


class Needs(Enum):
    """What must be there before a check can look. The value is said when it is not."""

    STORE = "the database, or the settings, cannot be used"
    POSTGRES = "the database is not PostgreSQL"
    SETTINGS_ON_POSTGRES = "PostgreSQL could not be asked"
    HTTPS = "the issuer has no https"
    ANSWERS = "the server does not answer at its issuer"
    SEEN = "the server did not say what it saw of a request"
    CLIENT_CERTIFICATES = "the settings ask nobody for client certificates"
    SIGN_IN = "it was not asked for: --sign-in"
