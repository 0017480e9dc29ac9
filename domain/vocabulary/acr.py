"""How people sign in here, in the terms of OIDC Core §2: the authentication contexts and methods."""

from typing import Final

#: The one way of signing in that there is: a password.
PASSWORD_ACR: Final = "urn:authrim:acr:password"  # noqa: S105 - an authentication context

PASSWORD_AMR: Final = ("pwd",)

ACR_SUPPORTED: Final = (PASSWORD_ACR,)
