"""The rules of OAuth and OpenID Connect as pure functions: no clock, no randomness, no I/O, no key material."""
