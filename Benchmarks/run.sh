#!/usr/bin/env bash
# Runs the project's load against a release build of an edge or the approval API with a nats-server of its own, and prints one table.
#
#   Benchmarks/run.sh [--quick] [--surface notifications|workspace|relay] [any other option of causeway-load]
#   Benchmarks/run.sh [--quick] --decisions [--clients 1,8,32] [--approvals 2000] [any other option of causeway-load --decisions]
#
#   --quick       300 streams or 200 approvals, short: the figures mean little, the checks count
#   --decisions   approvals decided by the approval API instead of events delivered by an edge
#
# Environment: EDGE_BIN (an edge, or approval API, that is already built), DELIVERY_LOOPS (1), BENCH_PIN (processors of server and load, "0,1" on a
# machine with two or more; "" for none), BENCH_SCRATCH (where the load tool is built; Benchmarks/.build).
# Everything that it starts is on 127.0.0.1 and free ports, keeps its data in a temporary directory, and ends with it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
quick=false
mode=()
options=()
for option in "$@"; do
    case $option in
        --quick) quick=true ;;
        --decisions) mode=(--decisions) ;;
        *) options+=("$option") ;;
    esac
done
set -- "${options[@]}"
size=()
if $quick; then
    size=(--connections 300 --rounds 1 --seconds 2 --burst 300)
    ((${#mode[@]} == 0)) || size=(--clients "1,8" --approvals 200 --rounds 1)
fi

directory=$(mktemp -d)
started=()

# Ends what was started, last first, and waits for it; what does not end within five seconds is killed.
finish() {
    local status=$? index pid log said
    trap - EXIT
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        pid=${started[index]}
        kill -TERM "$pid" 2>/dev/null || continue
        for _ in {1..50}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if ((status != 0)); then
        for log in "$directory"/*.log; do
            [[ -f $log ]] || continue
            # What a nats-server says of itself at every start and stop is of no help.
            said=$(grep -v '\[INF\]' "$log" | tail -n 20) || continue
            printf '%s\n' "--- the end of $(basename "$log")" "$said" >&2
        done
    fi
    rm -rf "$directory"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "Benchmarks/run.sh: $1" >&2
    exit 1
}

# Waits up to 20 s until a command succeeds, as long as a process lives.
await() {
    local what=$1 pid=$2
    shift 2
    for _ in {1..200}; do
        "$@" >/dev/null 2>&1 && return
        kill -0 "$pid" 2>/dev/null || fail "$what has ended at once; its log follows"
        sleep 0.1
    done
    fail "$what was not ready within 20 s; its log follows"
}

# A port that nobody listens on, below those that the system gives to clients.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

command -v nats-server >/dev/null || fail "nats-server is not installed; it is in Debian's and Ubuntu's package of that name"
# The edge holds a descriptor for each stream, the load two.
ulimit -n "$(ulimit -Hn)"

program=sse-edge
for ((index = 1; index <= $#; index++)); do
    [[ ${!index} == --surface ]] || continue
    next=$((index + 1))
    case ${!next:-} in
        workspace) program=websocket-edge ;;
        relay) program=jsonrpc-relay ;;
    esac
done
((${#mode[@]} == 0)) || program=approval-api

scratch=${BENCH_SCRATCH:-$here/.build}
swift build -c release --package-path "$here" --scratch-path "$scratch" >&2
edge=${EDGE_BIN:-$root/.build/release/$program}
if [[ ! -x $edge ]]; then
    [[ -z ${EDGE_BIN:-} ]] || fail "EDGE_BIN=$EDGE_BIN is not an executable"
    swift build -c release --package-path "$root" --product "$program" >&2
fi

pin=${BENCH_PIN-$(if (($(nproc) > 1)); then echo 0,1; fi)}
on_client_processor=()
pin_options=()
if [[ -n $pin ]]; then
    on_client_processor=(taskset -c "${pin#*,}")
    pin_options=(--pin "$pin")
fi

# The server finds a free port by itself and writes it to a file.
"${on_client_processor[@]}" nats-server -a 127.0.0.1 -p -1 -js -sd "$directory/jetstream" --ports_file_dir "$directory" \
    >"$directory/nats-server.log" 2>&1 &
nats_pid=$!
started+=("$nats_pid")
ports_file="$directory/nats-server_$nats_pid.ports"
await nats-server "$nats_pid" test -s "$ports_file"
nats=$(grep -o '127\.0\.0\.1:[0-9]*' "$ports_file" | head -n 1)

export AUTH_HS256_SECRET
AUTH_HS256_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
http_port=$(free_port)
admin_port=$(free_port)
HTTP_HOST=127.0.0.1 HTTP_PORT=$http_port ADMIN_HOST=127.0.0.1 ADMIN_PORT=$admin_port NATS_URL="nats://$nats" \
    HEARTBEAT_INTERVAL=30s SILENCE_TIMEOUT=1h DELIVERY_LOOPS=${DELIVERY_LOOPS:-1} DATABASE_FILE=$directory/approvals.sqlite RATE_LIMIT=0 COMMANDS_PER_SECOND=0 MAX_CONNECTIONS_PER_TENANT=0 \
    LOG_LEVEL=warning "$edge" >"$directory/$program.log" 2>&1 &
edge_pid=$!
started+=("$edge_pid")
await "$program" "$edge_pid" curl -fsS "http://127.0.0.1:$admin_port/readyz"

"$scratch/release/causeway-load" "${mode[@]}" --edge "127.0.0.1:$http_port" --edge-pid "$edge_pid" --nats "$nats" \
    "${pin_options[@]}" "${size[@]}" "$@"
