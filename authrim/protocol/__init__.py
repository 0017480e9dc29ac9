"""One file a specification that says how a message is protected or carried."""
