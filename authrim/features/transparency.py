"""The log, published for everybody: its checkpoints and the tiles of its tree."""

from typing import Final

from authrim.features.feature import Feature, Route
from authrim.features.on_demand import on_demand
from authrim.web.overload import Urgency

_CHECKPOINT: Final = on_demand("authrim.transparency.endpoint", "checkpoint")
_TILE: Final = on_demand("authrim.transparency.endpoint", "tile")

TRANSPARENCY: Final[tuple[Feature, ...]] = (
    Feature(
        "transparency_log",
        "C2SP tlog-tiles, C2SP tlog-checkpoint",
        (
            Route("GET", "/transparency/checkpoint", _CHECKPOINT, "log_checkpoint", head=True),
            Route("GET", "/transparency/tile/{path:.{1,60}}", _TILE, "log_tile", head=True),
        ),
        possible=lambda settings: settings.publish_log_tree,
        urgency=Urgency.ADMINISTRATION,
    ),
)
