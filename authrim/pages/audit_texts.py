"""Texts of the auditor's pages that are not in the templates, as those of ``texts.py``."""

from authrim.pages.texts import message

HEAD = message("Newest position of the log")
CHAIN_HEAD = message("Newest hash of the chain")
LAST_BATCH = message("Last written (UTC)")
WHOLE = message("Is the log whole?")
NO_DOUBT = message("Nothing speaks against it.")
INDEXED = message("Searches reach up to position")
PROVED = message("The rules are proved up to position")
BROKEN = message("Rules found broken, not looked into")
TREE_SIZE = message("Events in the Merkle tree")
CHECKPOINT = message("Newest signed checkpoint: events")
NONE_YET = message("None yet.")
WITNESSES = message("Witnesses that cosigned it")
EVIDENCE = message("Scheduled evidence")
