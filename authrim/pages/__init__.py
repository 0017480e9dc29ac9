"""What people see: templates, texts in their language, static files, and the headers of a page.

From outside: ``pages`` (renders every page), ``display``, ``texts``, ``translations`` and ``headers``.
"""
