#!/usr/bin/env bash
# Installs what running the stack on this machine (deploy/local/run) needs. Quiet when nothing is missing.
set -euo pipefail
. "$(dirname "$0")/lib/packages.sh"

# Any nginx package of Debian has the modules in use.
nginx_is_there() { command -v nginx >/dev/null || [ -x /usr/sbin/nginx ]; }

# deploy/nginx/configure needs Jinja2.
install_packages curl openssl python3 python3-jinja2
install_program_only nats-server nats-server
nginx_is_there || install_program_only nginx nginx-light
