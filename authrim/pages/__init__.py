"""The pages that people see: templates, texts in their languages, static files, and the headers of a page.

Other packages may use ``pages`` (renders every page), ``display``, ``texts``, ``translations`` and ``headers``.
"""
