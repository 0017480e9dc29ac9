"""What an administrator tells people about a scope value, in each language."""
