"""The pages of an open authorization request, one file each, for the feature table to route to."""
