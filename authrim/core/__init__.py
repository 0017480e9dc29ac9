"""What all other packages use: read, decide, append; clients and keys in memory; sealed rows; refusals.

From outside: every module. This package knows no endpoint.
"""
