#!/usr/bin/env bash
# Installs what a build needs in addition to git, make and the Swift toolchain. Quiet when nothing is missing.
set -euo pipefail
. "$(dirname "$0")/lib/packages.sh"

if ! command -v swift >/dev/null; then
    echo "Swift 6.2 or later is needed and not on the PATH: see https://www.swift.org/install/linux/" >&2
    exit 1
fi
install_packages libnats-dev libssl-dev zlib1g-dev libsqlite3-dev pkg-config
