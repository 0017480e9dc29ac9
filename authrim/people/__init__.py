"""People: their accounts, claims and pseudonyms.

From outside: every module. Ways to sign in are in ``sign_in/``, browser sessions in ``sessions/``, logging out in
``logout/``.
"""
