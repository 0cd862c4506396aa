#!/usr/bin/env bash
# What the proxy of the containers needs: nginx alone. Quiet when nothing is missing.
set -euo pipefail
. "$(dirname "$0")/lib/packages.sh"

install_program_only nginx nginx-light
