#!/bin/sh
# The command line of the installed server. Its settings are /etc/authrim/authrim.toml. What root runs is run as the
# user of the server, to whom the database belongs. Setup needs root, and becomes that user itself.
set -eu

program=/usr/lib/authrim/bin/authrim
settings=/etc/authrim/authrim.toml

command=
is_value=
for word in "$@"; do
    if [ -n "$is_value" ]; then
        is_value=
        continue
    fi
    case $word in
        --config) is_value=yes ;;
        -*) ;;
        *) command=$word && break ;;
    esac
done

# Setup and the first commands have no settings, nor has who may not read them.
if [ "$command" = setup ] || [ ! -r "$settings" ]; then
    exec "$program" "$@"
fi
if [ "$(id -u)" -ne 0 ]; then
    exec "$program" --config "$settings" "$@"
fi
exec runuser -u authrim -- "$program" --config "$settings" "$@"
