"""From an authorization request to its answer.

From outside: the endpoints (``authorize_endpoint``, ``pushed_endpoint``, ``resume_endpoint``) and ``interaction`` (the
open request that a page belongs to). The pages on the way are in ``pages/``.
"""
