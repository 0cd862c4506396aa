#!/usr/bin/env bash
# Installs what the proxy's container needs: only nginx. Quiet when nothing is missing.
set -euo pipefail
. "$(dirname "$0")/lib/packages.sh"

install_program_only nginx nginx-light
