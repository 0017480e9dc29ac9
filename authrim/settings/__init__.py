"""Every setting of the server: its kind, bounds, default and meaning, and where its value comes from."""

from authrim.settings.model import Settings
from authrim.settings.reading import BadSettings, configured, load

__all__ = ["BadSettings", "Settings", "configured", "load"]
