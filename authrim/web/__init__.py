"""What every endpoint that answers HTTP shares: forms, cookies, answers, the middleware.

From outside: every module whose name has no underscore.
"""
