"""The end of tasks: a cancellation that arrives.

From outside: ``cancellation``.
"""
