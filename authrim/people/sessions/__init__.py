"""Browser sessions: who is signed in with this browser, from the first sign-in to the end.

From outside: every module.
"""
