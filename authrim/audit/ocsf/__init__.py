"""Events of the log as records of the Open Cybersecurity Schema Framework (OCSF 1.8.0, schema.ocsf.io), for SIEMs.

``records`` makes a record of an event. It reads nothing but the event.
"""
