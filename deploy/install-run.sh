#!/usr/bin/env bash
# What running the stack on this machine (deploy/local/run) needs. Quiet when nothing is missing.
set -euo pipefail
. "$(dirname "$0")/lib/packages.sh"

install_packages curl python3
install_program_only nats-server nats-server
