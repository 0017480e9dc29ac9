"""What leaves the process: guarded fetches, log lines, mail."""
