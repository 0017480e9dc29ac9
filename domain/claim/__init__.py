"""Claims about people: those of OpenID Connect, groups and roles, and what an administrator defined beside them."""
