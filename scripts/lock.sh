#!/usr/bin/env bash
# Write the pinned requirements again from pyproject.toml, for every Python from 3.11 on. Needs uv.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v uv >/dev/null; then
    echo "make lock needs uv: pipx install uv" >&2
    exit 1
fi

compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command "make lock" "$@"
}

compile pyproject.toml --output-file requirements/runtime.txt
compile pyproject.toml --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
compile requirements/build.in --constraint requirements/dev.txt --output-file requirements/build.txt

# What the tests start beside the server: one environment for each set.
for set in tests/{integrations,operations}/software/*.in; do
    compile "$set" --output-file "${set%.in}.txt"
done

# The cluster manager of deploy/ha/.
compile deploy/ha/patroni.in --output-file deploy/ha/patroni.txt

# What Authrim is compared with.
compile bench/peers/authlib/requirements.in --output-file bench/peers/authlib/requirements.txt
(cd bench/peers/node && npm install --package-lock-only --no-audit --no-fund --silent)
