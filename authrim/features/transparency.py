"""The log, published for everybody: its checkpoints and the tiles of its tree."""

from typing import Final

from authrim.features.feature import Feature, Route
from authrim.transparency import endpoint
from authrim.web.overload import Urgency

TRANSPARENCY: Final[tuple[Feature, ...]] = (
    Feature(
        "transparency_log",
        "C2SP tlog-tiles, C2SP tlog-checkpoint",
        (
            Route("GET", "/transparency/checkpoint", endpoint.checkpoint, "log_checkpoint", head=True),
            Route("GET", "/transparency/tile/{path:.{1,60}}", endpoint.tile, "log_tile", head=True),
        ),
        possible=lambda settings: settings.publish_log_tree,
        urgency=Urgency.ADMINISTRATION,
    ),
)
