"""From the parameters of an authorization request to the response: the decisions at each step."""
