"""One file a grant type of the token endpoint: form to command, decision, signed answer."""
