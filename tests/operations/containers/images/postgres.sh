#!/bin/sh
# Does what the image `postgres` of the same name promises and compose.yaml uses: POSTGRES_DB, POSTGRES_PASSWORD_FILE, and
# the files of /docker-entrypoint-initdb.d when the database is made.
set -eu
PATH="/usr/lib/postgresql/15/bin:$PATH"
export PGDATA=/var/lib/postgresql/data/pgdata PGHOST=/tmp

if [ ! -e "$PGDATA/PG_VERSION" ]; then
    initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256 >/dev/null
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl --wait --options="-c listen_addresses= -c unix_socket_directories=/tmp" start >/dev/null
    createdb --username=postgres "$POSTGRES_DB"
    for file in /docker-entrypoint-initdb.d/*.sql; do
        psql --set=ON_ERROR_STOP=1 --no-psqlrc --username=postgres --dbname="$POSTGRES_DB" --file="$file"
    done
    pg_ctl --wait stop >/dev/null
fi
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/tmp
