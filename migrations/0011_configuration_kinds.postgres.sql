-- Claim definitions, resource servers and descriptions of scope values are kept in memory as clients and keys are
-- (domain/stream.py). The index of before stays for servers of the version before.
CREATE INDEX events_followed ON events (position)
    WHERE split_part(stream_id, ':', 2) IN ('client', 'key', 'claim', 'resource', 'scope');
