"""What every endpoint that answers HTTP shares."""
