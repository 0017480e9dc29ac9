"""From an authorization request to its answer.

From outside: the endpoints (``authorize_endpoint``, ``pushed_endpoint``, ``resume_endpoint``), ``interaction`` (the
open request that a page belongs to) and ``abandoned_requests``. The pages on the way are in ``pages/``.
"""
