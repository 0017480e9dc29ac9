"""One file an endpoint: a URL's handler as the steps of its specification."""
