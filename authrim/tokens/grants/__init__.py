"""One grant type per file: form to command, decision, signed answer. From outside: every module."""
