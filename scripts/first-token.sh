#!/usr/bin/env bash
# Measure the time to the first token: clone, `make run`, then the curl command that the server prints.
# The virtual environment and the data are new; the package cache (pip's or uv's) is as warm as it is now.
# Usage: scripts/first-token.sh [REPOSITORY]
set -euo pipefail

repository=${1:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait; rm -rf "$work"' EXIT

seconds() { date +%s.%N; }
since() { awk -v from="$1" -v to="$(seconds)" 'BEGIN { printf "%.1f", to - from }'; }

start=$(seconds)
git clone --quiet "$repository" "$work/authrim"
echo "cloned after             $(since "$start") s"

cd "$work/authrim"
: >"$work/output"
PYTHONUNBUFFERED=1 make run >"$work/output" 2>"$work/errors" &
server=$!
until command=$(grep --only-matching --max-count=1 'curl .*' "$work/output"); do
    kill -0 "$server" 2>/dev/null || { cat "$work/output" "$work/errors" >&2; exit 1; }
    sleep 0.1
done
echo "server answers after     $(since "$start") s"

# The command is run as it was printed, as a person would who copies it.
sh -c "$command --silent --fail" | grep --quiet '"access_token"'
echo "first token after        $(since "$start") s"
echo "included: git clone, virtual environment, pinned packages from the package cache, database, keys, clients, curl"
