"""Numbered plain-SQL migrations, found as package resources."""
