"""Errors in plain words: what a label, a command or a page says of one, in place of the name of a class.

Log lines have the class in ``kind`` as well, for whoever reports a fault.
"""

from typing import Final

#: By the name of a class, the nearest first: a subclass is what its base is, as far as it has no words of its own.
_WORDS: Final = {
    "Conflict": "conflict",
    "Unavailable": "store_unavailable",
    "UnknownSchema": "schema_unknown",
    "StoreError": "store_failed",
    "DroppedEvent": "event_archived",
    "MissingEvent": "event_missing",
    "UnreadableEvent": "event_unreadable",
    "DecodeError": "event_unreadable",
    "SealBroken": "seal_broken",
    "UnknownMasterKey": "master_key_unknown",
    "CannotSign": "no_signing_key",
    "EgressRefused": "egress_refused",
    # Of aiohttp, which this module need not import.
    "ClientConnectorDNSError": "name_unknown",
    "ClientConnectorCertificateError": "certificate_refused",
    "ClientSSLError": "tls_failed",
    "ServerTimeoutError": "timed_out",
    "InvalidURL": "url_malformed",
    "ClientPayloadError": "answer_unreadable",
    "ClientResponseError": "answer_unreadable",
    "ClientConnectionError": "connection_lost",
    "TimeoutError": "timed_out",
    "SSLCertVerificationError": "certificate_refused",
    "SSLError": "tls_failed",
    "ConnectionRefusedError": "connection_refused",
    "ConnectionError": "connection_lost",
    "gaierror": "name_unknown",
    "FileNotFoundError": "file_missing",
    "PermissionError": "not_permitted",
    "OSError": "input_output",
    "MemoryError": "out_of_memory",
}
#: What nobody foresaw: a fault of ours.
UNFORESEEN: Final = "unforeseen"

#: The words in sentences.
MEANINGS: Final = {
    "conflict": "another process recorded something first",
    "store_unavailable": "the database was away",
    "schema_unknown": "the tables are not those of this version",
    "store_failed": "the database could not do it",
    "event_archived": "its contents are in an archive alone",
    "event_missing": "there is no event at this place",
    "event_unreadable": "this version does not know the event, or its contents are damaged",
    "seal_broken": "what is sealed was changed, or sealed by another key",
    "master_key_unknown": "the master key that sealed it is not configured",
    "no_signing_key": "there is no key to sign with",
    "egress_refused": "the address could not be reached, or may not be",
    "timed_out": "it took too long",
    "tls_failed": "TLS failed",
    "connection_refused": "nobody listens at this address",
    "connection_lost": "the connection was lost",
    "certificate_refused": "the certificate is not for this host, has expired, or nobody trusted issued it",
    "url_malformed": "the address is none",
    "answer_unreadable": "the answer is not HTTP that can be read",
    "name_unknown": "the name of the host is unknown",
    "file_missing": "a file is missing",
    "not_permitted": "a file may not be read or written",
    "input_output": "a file or a connection failed",
    "out_of_memory": "there was no memory left",
    UNFORESEEN: "a fault of Authrim: please report it",
}


def first_of(error: BaseException) -> BaseException:
    """Of several errors at once, the first: tasks that run together end together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def word_of(error: BaseException) -> str:
    """The word for an error. Of several at once, that of the first."""
    error = first_of(error)
    names = (base.__name__ for base in type(error).__mro__)
    return next((_WORDS[name] for name in names if name in _WORDS), UNFORESEEN)


def in_words(class_name: str) -> str:
    """An error of which only the name of the class is known, in words."""
    word = _WORDS.get(class_name)
    return class_name if word is None else MEANINGS[word]
