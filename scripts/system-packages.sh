#!/usr/bin/env bash
# Install the named Debian packages when root, else say the command that does.
# Usage: scripts/system-packages.sh PACKAGE…   or   scripts/system-packages.sh --for tests|bench|integrations|operations|…
set -euo pipefail

has_postgresql() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null
}

# By what they offer, not by name: Node.js may well come from elsewhere than Debian.
missing_for_tests() {
    has_postgresql || echo postgresql
    command -v node >/dev/null || echo nodejs
    command -v npm >/dev/null || echo npm
    command -v chromium >/dev/null || echo chromium
    command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || echo nginx-light
    command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || echo haproxy
    # Other clocks, and failures of system calls, for servers that tests break.
    compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || echo faketime
    command -v strace >/dev/null || echo strace
    # Playwright's driver is linked with it.
    compgen -G '/usr/lib/*/libatomic.so.1' >/dev/null || echo libatomic1
    # WeasyPrint draws the PDF of reports with these, and with some font.
    compgen -G '/usr/lib/*/libpango-1.0.so.0' >/dev/null || echo libpango-1.0-0
    compgen -G '/usr/lib/*/libpangoft2-1.0.so.0' >/dev/null || echo libpangoft2-1.0-0
    compgen -G '/usr/lib/*/libharfbuzz-subset.so.0' >/dev/null || echo libharfbuzz-subset0
    compgen -G '/usr/share/fonts/truetype/*/*.ttf' >/dev/null || echo fonts-dejavu-core
}

missing_for_screenshots() {
    missing_for_tests
    command -v pdftoppm >/dev/null || echo poppler-utils
}

missing_for_bench() {
    missing_for_tests
    command -v wrk >/dev/null || echo wrk
}

missing_for_integrations() {
    missing_for_tests
    [ -x /usr/sbin/apache2 ] || echo apache2
    [ -e /usr/lib/apache2/modules/mod_auth_openidc.so ] || echo libapache2-mod-auth-openidc
    command -v go >/dev/null || echo golang-go
    command -v cargo >/dev/null || echo cargo
    command -v mvn >/dev/null || echo maven
    command -v java >/dev/null || echo default-jdk-headless
}

# One function per subject, so that a test can ask for its own tools alone.
missing_for_containers() {
    command -v podman >/dev/null || echo podman
    command -v mmdebstrap >/dev/null || echo mmdebstrap
    command -v runc >/dev/null || echo runc
    # What podman's networks are made with, and the names of containers in them.
    [ -x /usr/lib/podman/netavark ] || echo netavark
    [ -x /usr/lib/podman/aardvark-dns ] || echo aardvark-dns
    command -v iptables >/dev/null || [ -x /usr/sbin/iptables ] || echo iptables
}

missing_for_charts() {
    command -v go >/dev/null || echo golang-go
}

missing_for_alerts() {
    # The service of the package is not started (see below); promtool comes with it.
    command -v promtool >/dev/null || echo prometheus
}

missing_for_poolers() {
    command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || echo pgbouncer
}

# Patroni itself comes from PyPI (deploy/ha/patroni.in), into an environment of Debian's Python.
missing_for_ha() {
    has_postgresql || echo postgresql
    command -v etcd >/dev/null || echo etcd-server
    command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || echo haproxy
    /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    missing_for_poolers
}

missing_for_tokens() {
    command -v softhsm2-util >/dev/null || echo softhsm2
    command -v p11-kit >/dev/null || echo p11-kit
    compgen -G '/usr/lib/*/pkcs11/p11-kit-client.so' >/dev/null || echo p11-kit-modules
}

missing_for_acme() {
    command -v pebble >/dev/null || echo pebble
}

missing_for_debian() {
    command -v mmdebstrap >/dev/null || echo mmdebstrap
    command -v systemd-nspawn >/dev/null || echo systemd-container
    command -v lintian >/dev/null || echo lintian
    command -v chromium >/dev/null || echo chromium
}

missing_for_operations() {
    missing_for_tests
    missing_for_poolers
    missing_for_ha
    missing_for_acme
    missing_for_alerts
    missing_for_tokens
    missing_for_containers
    missing_for_charts
    missing_for_debian
}

if [ "${1:-}" = --for ]; then
    if ! declare -F "missing_for_${2:-}" >/dev/null; then
        echo "Nothing is known of what ${2:-no purpose} needs." >&2
        exit 2
    fi
    mapfile -t packages < <("missing_for_$2" | sort -u)
else
    packages=("$@")
fi
[ ${#packages[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "Missing: ${packages[*]}. Install with:" >&2
    echo "    sudo apt-get install --no-install-recommends ${packages[*]}" >&2
    exit 1
fi

# The tests start a cluster of their own; the package must not make and start one beside it.
if [[ " ${packages[*]} " == *" postgresql "* ]]; then
    mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/authrim.conf
fi

# Nor any other service: the tests start theirs on loopback. A policy that is there already stays.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi

echo "Installing Debian packages: ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >/dev/null
