#!/usr/bin/env bash
# Builds the programs for release, as images have them, and installs them: build-programs.sh FOLDER
#   --resolve   in place of FOLDER: only fetches the packages, and writes Package.resolved if it is absent
#
# With a Package.resolved beside Package.swift, the packages' versions are those of that file, and an outdated file is an error. Without it, the newest
# allowed ones are taken and written there. LOCKED=1 refuses that, for builds that must be repeatable.
set -euo pipefail
if [ $# -ne 1 ]; then
    echo "usage: build-programs.sh FOLDER | --resolve" >&2
    exit 64
fi
cd "$(dirname "$0")/.."

versions=()
if [ -e Package.resolved ]; then
    versions=(--force-resolved-versions)
elif [ "${LOCKED:-}" = 1 ]; then
    echo "Package.resolved is missing, and LOCKED is 1: take the file of a build that you have tested, or run deploy/containers/build --resolve." >&2
    exit 1
fi

if [ "$1" = --resolve ]; then
    swift package resolve "${versions[@]}"
else
    swift build --configuration release --static-swift-stdlib "${versions[@]}"
    deploy/install-programs.sh "$1"
fi
