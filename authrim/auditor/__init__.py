"""The auditor's pages at ``/audit``, and what they share with the auditor's commands. From outside: ``asking.py``, and
the endpoints for the table of features."""
