-- The Merkle tree over the log (projections/tree.py): the hashes of its tiles, 32 bytes each, by the path of the tile.
-- The last tile of a level grows at its end until it holds 256.
CREATE TABLE tiles (
    key    TEXT PRIMARY KEY,
    hashes BYTEA NOT NULL
);

-- The followed projection `checkpoints` (projections/checkpoints.py). `position` is of the event; `size` is the position
-- of the newest event that the checkpoint covers.
CREATE TABLE checkpoints (
    position     BIGINT PRIMARY KEY,
    size         BIGINT NOT NULL,
    cosignatures BIGINT NOT NULL,
    note         TEXT NOT NULL
);
