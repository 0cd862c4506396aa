#!/usr/bin/env bash
# Measures a release build of the project with a separate nats-server, and prints one table.
#
#   Benchmarks/run.sh [--quick] [--only handshakes,intake] [--rounds 3]       every figure of docs/performance.md
#   Benchmarks/run.sh [--quick] --surface notifications|workspace|relay [any other option of causeway-load]
#   Benchmarks/run.sh [--quick] --decisions [--clients 1,8,32] [--approvals 2000] [any other option of causeway-load --decisions]
#
#   --quick       small numbers and one round: the figures mean little, the checks count
#   --only        some groups of figures; `causeway-load --help` names them
#   --surface     the deliveries of one edge in detail
#   --decisions   approvals decided by the approval API
#
# Environment: BENCH_PROGRAMS (a folder with programs that are already built; of it, what is measured is used, as is; by default, they are built as for
# images), DELIVERY_LOOPS (1), BENCH_PIN (processors of server and load, "0,1" on a machine with two or more; "" for none), BENCH_SCRATCH (where the load
# tool is built; Benchmarks/.build).
# Settings of the programs, such as QUICK_DOOR, are passed on.
# Everything that it starts is on 127.0.0.1 and free ports, keeps its data in a temporary directory, and ends with it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
quick=false
# Which of the load's modes, and which program it needs.
mode=suite
programs=(sse-edge websocket-edge jsonrpc-relay event-producer approval-api webhook-dispatcher hummingbird-yardstick)
options=()
for option in "$@"; do
    case $option in
        --quick) quick=true ;;
        --decisions) mode=decisions programs=(approval-api) ;;
        *) options+=("$option") ;;
    esac
done
for ((index = 0; index < ${#options[@]}; index++)); do
    [[ ${options[index]} == --surface ]] || continue
    mode=surface
    case ${options[index + 1]:-} in
        workspace) programs=(websocket-edge) ;;
        relay) programs=(jsonrpc-relay) ;;
        *) programs=(sse-edge) ;;
    esac
done
set -- "${options[@]}"
size=()
if $quick; then
    case $mode in
        suite) size=(--quick) ;;
        surface) size=(--connections 300 --rounds 1 --seconds 2 --burst 300) ;;
        decisions) size=(--clients "1,8" --approvals 200 --rounds 1) ;;
    esac
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
        for log in "$directory"/*.log "$directory"/*/*.log; do
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

scratch=${BENCH_SCRATCH:-$here/.build}
swift build -c release --package-path "$here" --scratch-path "$scratch" >&2
built=${BENCH_PROGRAMS:-$root/.build/static/release}
if [[ -z ${BENCH_PROGRAMS:-} ]]; then
    # As images have them (deploy/build-programs.sh).
    for program in "${programs[@]}"; do
        swift build -c release --static-swift-stdlib --package-path "$root" --scratch-path "$root/.build/static" --product "$program" >&2
    done
fi

pin=${BENCH_PIN-$(if (($(nproc) > 1)); then echo 0,1; fi)}
on_client_processor=()
pin_options=()
if [[ -n $pin ]]; then
    on_client_processor=(taskset -c "${pin#*,}")
    pin_options=(--pin "$pin")
fi

export AUTH_HS256_SECRET
AUTH_HS256_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')

if [[ $mode == suite ]]; then
    # Starts and stops its servers itself.
    "$scratch/release/causeway-load" --suite --programs "$built" --yardstick "$built/hummingbird-yardstick" \
        --nats-server "$(command -v nats-server)" --directory "$directory" "${pin_options[@]}" "${size[@]}" "$@"
    exit
fi

# The server finds a free port by itself and writes it to a file.
"${on_client_processor[@]}" nats-server -a 127.0.0.1 -p -1 -js -sd "$directory/jetstream" --ports_file_dir "$directory" \
    >"$directory/nats-server.log" 2>&1 &
nats_pid=$!
started+=("$nats_pid")
ports_file="$directory/nats-server_$nats_pid.ports"
await nats-server "$nats_pid" test -s "$ports_file"
nats=$(grep -o '127\.0\.0\.1:[0-9]*' "$ports_file" | head -n 1)

program=${programs[0]}
http_port=$(free_port)
admin_port=$(free_port)
HTTP_HOST=127.0.0.1 HTTP_PORT=$http_port ADMIN_HOST=127.0.0.1 ADMIN_PORT=$admin_port NATS_URL="nats://$nats" \
    HEARTBEAT_INTERVAL=30s SILENCE_TIMEOUT=1h DELIVERY_LOOPS=${DELIVERY_LOOPS:-1} DATABASE_FILE=$directory/approvals.sqlite RATE_LIMIT=0 COMMANDS_PER_SECOND=0 MAX_CONNECTIONS_PER_TENANT=0 \
    LOG_LEVEL=warning "$built/$program" >"$directory/$program.log" 2>&1 &
edge_pid=$!
started+=("$edge_pid")
await "$program" "$edge_pid" curl -fsS "http://127.0.0.1:$admin_port/readyz"

[[ $mode != decisions ]] || set -- --decisions "$@"
"$scratch/release/causeway-load" --edge "127.0.0.1:$http_port" --edge-pid "$edge_pid" --nats "$nats" \
    "${pin_options[@]}" "${size[@]}" "$@"
