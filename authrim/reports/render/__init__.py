"""Shows a report: as one HTML page that needs nothing else, and as PDF made from that page.

Both are made from the report alone, and the same report gives the same bytes. From outside: ``page.py`` and ``pdf.py``.
"""
