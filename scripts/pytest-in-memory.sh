#!/usr/bin/env bash
# pytest with its temporary files in memory, where there is plenty: else each append of each test waits until its file is
# on the disk, and together that is a third of the time of the tests. The arguments are pytest's.
set -euo pipefail
cd "$(dirname "$0")/.."

memory=/dev/shm
needed=$((8 * 1024 * 1024)) # KiB: a run of every test writes a third of it
options=()

has_room() {
  [ -w "$memory" ] || return 1
  [ "$(df --output=avail -k "$memory" | tail -n 1)" -ge "$needed" ] || return 1
  [ "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)" -ge "$needed" ]
}

# Some systems mount it so that it runs no programs, which tests write.
runs_programs() {
  printf '#!/bin/sh\n' > "$1/program"
  chmod 755 "$1/program"
  "$1/program" 2> /dev/null
}

if has_room; then
  folder=$(mktemp -d "$memory/tests-XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  if runs_programs "$folder"; then
    chmod 711 "$folder" # the PostgreSQL of the tests is another user
    export TMPDIR=$folder
    options=(--basetemp "$folder/run")
  fi
fi
.venv/bin/pytest "$@" "${options[@]}"
