"""The words of the protocols: response types and modes, scopes, claims, PKCE, confirmation."""
