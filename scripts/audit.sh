#!/usr/bin/env bash
# Ask whether a pinned requirement has a known weakness. Fails too when it could not look.
set -euo pipefail
cd "$(dirname "$0")/.."

# --strict: a requirement that nobody knows of is a failure, where pip-audit passes over it otherwise.
audit=(.venv/bin/pip-audit --strict --disable-pip)

# First a release that is known to be weak: who finds nothing there, such as a mirror without advisories, finds nothing.
weak=$(mktemp)
trap 'rm -f "$weak"' EXIT
echo 'jinja2==2.4.1' >"$weak"
found=$("${audit[@]}" --no-deps --progress-spinner off --requirement "$weak" 2>&1) || true
if ! grep -qE 'PYSEC-|CVE-|GHSA-' <<<"$found"; then
    tail -n 3 <<<"$found" >&2
    echo "The advisories are not available, so nothing was audited. Is https://pypi.org reachable, and not a mirror?" >&2
    exit 1
fi

exec "${audit[@]}" --require-hashes --requirement requirements/runtime.txt
