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
lists=("$root/Tests/Integration/requirements.txt" "$root/Tests/Integration/kubernetes-tools.txt")
venv=$root/.venv
if ! cat "${lists[@]}" | cmp -s - "$venv/installed-requirements.txt"; then
    echo "Making .venv from Tests/Integration/requirements.txt" >&2
    "$python" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "${lists[0]}"
    # The package with helm and kubectl is not installed, because it requires others that the tests do not need: it is a wheel, which has an archive, which
    # has an archive of both.
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked"' EXIT
    "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$unpacked" --requirement "${lists[1]}"
    "$venv/bin/python" -m zipfile --extract "$unpacked"/*.whl "$unpacked"
    tar -xzf "$unpacked"/aws_cdk/*/_jsii/*.tgz --directory "$unpacked" package/lib/layer.zip
    "$venv/bin/python" -m zipfile --extract "$unpacked/package/lib/layer.zip" "$unpacked"
    install --mode 755 "$unpacked/helm/helm" "$unpacked/kubectl/kubectl" "$venv/bin"
    cat "${lists[@]}" >"$venv/installed-requirements.txt"
fi
