"""The token endpoint, and what tokens are good for: userinfo, introspection, revocation.

From outside: the endpoints, ``issue`` (facts and signatures for what was decided) and ``resource`` (is this token good
here?). The grant types are in ``grants/``.
"""
