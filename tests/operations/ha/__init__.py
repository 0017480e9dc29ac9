"""The cluster of ``deploy/ha/`` on this machine: PostgreSQL under Patroni and etcd, PgBouncer, HAProxy, two servers.

What breaks it under load is in ``scenarios``: ``bench/failover.py`` measures with it, and the tests prove with it.
"""
