"""An authorization request, from its parameters to the code: what is decided at each step."""
