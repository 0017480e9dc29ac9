"""What every room stands on: read, decide, append; clients and keys in memory; sealed rows; refusals.

From outside: every module. Nothing here knows an endpoint.
"""
