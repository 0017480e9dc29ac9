"""One specification per file: how a message is protected or carried.

From outside: every module whose name has no underscore. Nothing here reads the log.
"""
