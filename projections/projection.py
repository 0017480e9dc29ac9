"""The one shape of a projection: a pure function from stored events to rows.

An inline projection's rows travel in the append's own transaction, so a read right after it, on any node, sees
them. A followed one runs later from a saved position, rows and position in one transaction. Both are rebuilt by
replay into shadow tables, compared, and swapped.
"""
