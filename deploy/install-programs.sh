#!/usr/bin/env bash
# Copies the built programs, without debug symbols, into a folder: install-programs.sh FOLDER [BUILT]
# BUILT is their folder, by default that of a release build.
set -euo pipefail
folder=$1
root=$(cd "$(dirname "$0")/.." && pwd)
built=${2:-$root/.build/release}

mkdir -p "$folder"
for program in sse-edge websocket-edge jsonrpc-relay approval-api event-producer webhook-dispatcher causeway; do
    install --mode 755 --strip "$built/$program" "$folder/$program"
done
