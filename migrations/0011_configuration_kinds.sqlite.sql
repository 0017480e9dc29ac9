-- Claim definitions, resource servers and descriptions of scope values are kept in memory as clients and keys are
-- (domain/stream.py). The index of before stays for servers of the version before.
CREATE INDEX events_followed ON events (position)
    WHERE substr(stream_id, instr(stream_id, ':') + 1, 7) = 'client:'
       OR substr(stream_id, instr(stream_id, ':') + 1, 4) = 'key:'
       OR substr(stream_id, instr(stream_id, ':') + 1, 6) = 'claim:'
       OR substr(stream_id, instr(stream_id, ':') + 1, 9) = 'resource:'
       OR substr(stream_id, instr(stream_id, ':') + 1, 6) = 'scope:';
