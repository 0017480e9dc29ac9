"""An authorization request on its way from step to step: decided, signed, appended, and answered."""
