"""Ways to sign in, one file each. From outside: every module."""
