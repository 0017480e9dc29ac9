"""The auditor's pages at ``/audit``."""
