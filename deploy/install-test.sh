#!/usr/bin/env bash
# Installs what the integration tests and `make lint` need: a bus, a browser, proxies, Prometheus, linters, and Python packages in .venv. Quiet when nothing is missing.
# `--fast`: only what the fast tests need (`make test-fast`): a bus, curl and the Python packages.
set -euo pipefail
. "$(dirname "$0")/lib/packages.sh"
root=$(cd "$(dirname "$0")/.." && pwd)

if [ "${1:-}" = --fast ]; then
    install_packages curl python3 python3-venv
    install_program_only nats-server nats-server
else
    "$root/deploy/install-run.sh"
    install_packages chromium chromium-driver python3-venv docker-compose faketime groff-base nodejs shellcheck
    install_program_only caddy caddy
    install_program_only haproxy haproxy
    install_program_only prometheus prometheus
fi

# Debian's own Python, whose venv module was just installed; another python3 may come first on the PATH.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
requirements=$root/Tests/Integration/requirements.txt
venv=$root/.venv
if ! cmp -s "$requirements" "$venv/installed-requirements.txt"; then
    echo "Making .venv from Tests/Integration/requirements.txt" >&2
    "$python" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
    cp "$requirements" "$venv/installed-requirements.txt"
fi
