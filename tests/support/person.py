"""Alice, who signs in, with every standard claim (OIDC Core §5.1)."""

from authrim.commands.dev_workplace import PERSON as _PERSON

LOGIN = "alice"
PASSWORD = "correct horse battery staple"
PERSON = dict(_PERSON)
