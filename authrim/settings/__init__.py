"""Every setting of the server: its kind, bounds, default and meaning, and where its value comes from."""

from authrim.settings.model import Settings
from authrim.settings.reading import BadSettings, check_values, configured, in_environment, load

__all__ = ["BadSettings", "Settings", "check_values", "configured", "in_environment", "load"]
