"""Traces by OpenTelemetry, which is an optional part: ``pip install 'authrim[otel]'``.

Nothing of this package is imported where ``trace_export`` is not set, and no request asks whether it is: a server that
traces is put together with other parts. ``provider`` makes what spans are sent with, ``request_span`` the span of a
request, ``steps`` those of its steps.
"""
