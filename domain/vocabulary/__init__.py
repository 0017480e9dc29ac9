"""The values that the protocols define: response types and modes, scopes, claims, PKCE, confirmation."""
