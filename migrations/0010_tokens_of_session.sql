-- Which tokens hang on a session: its row leaves when none is left (authrim/core/expired.py).
CREATE INDEX tokens_of_session ON tokens ((tenant || ':' || session_id)) WHERE session_id IS NOT NULL;
