#!/usr/bin/env bash
# Make .venv and install the pinned requirements and the project into it.
# Usage: scripts/bootstrap.sh runtime|dev
set -euo pipefail
cd "$(dirname "$0")/.."

kind=$1

# The newest interpreter that runs, is new enough and can hold the embedded store; first among those that can make an
# environment as they are. Of two of one version the system's own: distributions build theirs with profile-guided
# optimization, which a plain build from source lacks, and it takes a fifth less time (docs/designs/0041).
find_python() {
    local modules name python
    for modules in 'ensurepip, venv' sys; do
        for name in python3.14 python3.13 python3.12 python3.11 python3; do
            for python in "/usr/bin/$name" "$name"; do
                if "$python" -c "import sys, sqlite3, ssl, $modules; sys.exit(sys.version_info < (3, 11))" 2>/dev/null
                then
                    command -v "$python"
                    return
                fi
            done
        done
    done
    return 1
}

if ! python=$(find_python); then
    scripts/system-packages.sh python3
    python=$(find_python) || {
        echo "Authrim needs Python 3.11 or newer, which this system's python3 is not." >&2
        exit 1
    }
fi

# uv is the faster of the two where it is there; nothing is different otherwise.
if command -v uv >/dev/null; then
    .venv/bin/python -c '' 2>/dev/null || uv venv --quiet --clear --python "$python" .venv
    install=(uv pip install --quiet --python .venv/bin/python)
else
    if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || scripts/system-packages.sh \
            "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        "$python" -m venv --clear .venv
    fi
    install=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)
fi

echo "Installing the pinned $kind requirements into .venv"
"${install[@]}" --require-hashes -r requirements/build.txt -r "requirements/$kind.txt"
"${install[@]}" --no-deps --no-build-isolation --editable .
touch ".venv/$kind.stamp"
if [ "$kind" = dev ]; then
    touch .venv/runtime.stamp
fi
