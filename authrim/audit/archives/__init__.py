"""Archives: closed months of the log, each as a signed, compressed bundle in a directory.

``months.py`` says which months are closed; ``folder.py`` finds the bundles in a directory and unpacks them.
``write.py`` writes missing ones; ``log.py`` reads events from them, checked against the ledger. ``verify.py`` and
``search.py`` work without a database.
"""
