"""What an administrator may do: plain functions that read, decide, append and answer.

The command line, the development server and an admin API call the same functions; nothing here knows of HTTP.
"""
