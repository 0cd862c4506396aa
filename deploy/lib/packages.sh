# shellcheck shell=bash
# Sourced by the install scripts: Debian packages, installed only if they are missing.

# Runs a command as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Prints the packages among the arguments that are not installed, one per line.
missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

# Installs missing packages among the arguments. Prints and changes nothing when all are installed.
install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        echo "This is not a Debian-based system: install the equivalent of these packages: $*" >&2
        return 0
    fi
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -eq 0 ] && return 0
    echo "Installing ${missing[*]}" >&2
    # The package lists may be missing or outdated; they are fetched only then.
    apt_install "${missing[@]}" 2>/dev/null && return 0
    as_root apt-get update -qq
    apt_install "${missing[@]}"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Installs missing packages that contain a system service, without starting it (it would occupy the port of our
# nats-server) and without enabling it at boot.
# Arguments: the service's name, then the packages.
install_program_only() {
    local service=$1 policy=/usr/sbin/policy-rc.d
    shift
    if ! command -v dpkg-query >/dev/null || [ -z "$(missing_packages "$@")" ]; then
        install_packages "$@"
        return
    fi
    local made_policy=
    if [ ! -e "$policy" ]; then
        # https://www.debian.org/doc/debian-policy/ch-opersys.html#interfacing-with-init-systems: 101 forbids the start.
        printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin "$policy"
        made_policy=yes
    fi
    local status=0
    install_packages "$@" || status=$?
    [ -z "$made_policy" ] || as_root rm -f "$policy"
    [ ! -d /run/systemd/system ] || as_root systemctl disable --quiet "$service" || true
    return $status
}
