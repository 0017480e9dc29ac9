"""Texts of the auditor's pages that are not in the templates, as those of ``texts.py``."""

from authrim.pages.texts import message

HEAD = message("Newest position of the log")
CHAIN_HEAD = message("Newest hash of the chain")
LAST_BATCH = message("Last written (UTC)")
WHOLE = message("Is the log whole?")
NO_DOUBT = message("Nothing speaks against it.")
INDEXED = message("Searches reach up to position")
