#!/usr/bin/env bash
# Puts the built programs, without what only debuggers need, into a folder: install-programs.sh FOLDER [BUILT]
# BUILT is where they are; unless it is named, where a release build has put them.
set -euo pipefail
folder=$1
root=$(cd "$(dirname "$0")/.." && pwd)
built=${2:-$root/.build/release}

mkdir -p "$folder"
for program in sse-edge websocket-edge jsonrpc-relay approval-api event-producer causeway; do
    install --mode 755 --strip "$built/$program" "$folder/$program"
done
