#!/usr/bin/env bash
# The libraries that built programs need on the machine that runs them, with Swift's own linked in. Quiet when nothing is missing.
set -euo pipefail
. "$(dirname "$0")/lib/packages.sh"

install_packages libnats3.4 libssl3 libsqlite3-0 zlib1g libstdc++6 ca-certificates
