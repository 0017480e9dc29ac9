"""The key ring, what is signed with it, password hashes, and the strict readers of what comes signed.

From outside: every module. Nothing here knows HTTP or the log.
"""
