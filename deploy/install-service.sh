#!/usr/bin/env bash
# Installs the run-time libraries of the built programs; Swift's are linked statically. Quiet when nothing is missing.
set -euo pipefail
. "$(dirname "$0")/lib/packages.sh"

install_packages libnats3.4 libssl3 libsqlite3-0 zlib1g libstdc++6 ca-certificates
