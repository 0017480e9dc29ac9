"""Programs that the tests run in environments of their own."""
