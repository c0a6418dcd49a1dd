#!/usr/bin/env bash
# Real client libraries, unmodified, against our server: each does the work that programs use it for, and says whether all was as it should be.
#
#   scripts/clients.sh [--server PATH] [--only NAME]    (default server: target/release/gyre-server; `make clients` builds it)
#
# What is needed comes from PyPI and npm, pinned in scripts/clients/python/requirements.txt and scripts/clients/node/package.json and kept under
# ${GYRE_CACHE:-.cache}/clients, and from Debian by name. A client that cannot be installed is a failure. Each program has a server to itself and a time
# limit. The last line counts what passed and failed. (The `redis` crate is used by the tests of cargo.)
set -uo pipefail
cd "$(dirname "$0")/.."
here=$PWD/scripts/clients
server=${GYRE_SERVER:-target/release/gyre-server} only=
while [ $# -gt 0 ]; do
    case $1 in
        --server) server=$2; shift 2 ;;
        --only) only=$2; shift 2 ;;
        *) server=$1; shift ;;
    esac
done
cache=$(realpath -m "${GYRE_CACHE:-.cache}")/clients
port=${GYRE_PORT:-7790}
PROGRAM_SECONDS=90 INSTALL_SECONDS=300 START_SECONDS=20
mkdir -p "$cache"
work=$(mktemp -d)
process=
passed=0 failed=0

finish() { stop; rm -rf "$work"; }
stop() {
    if [ -n "$process" ]; then
        kill "$process" 2>/dev/null
        wait "$process" 2>/dev/null
    fi
    process=
}
trap finish EXIT

# start NAME: a fresh server for one program.
start() {
    mkdir "$work/$1"
    "$server" --port "$port" --save "" --dir "$work/$1" --enable-debug-command local >"$work/$1/log" 2>&1 &
    process=$!
    for _ in $(seq $((START_SECONDS * 20))); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
        sleep 0.05
    done
    echo "the server did not start: $(tail -n 3 "$work/$1/log")"
    return 1
}

fault() { failed=$((failed + 1)); echo "$1: FAILED"; }

# run NAME COMMAND...: one client's program; it gets the port as its last argument.
run() {
    local name=$1 began=$SECONDS
    shift
    [ -z "$only" ] || [ "$only" = "$name" ] || return 0
    if ! start "$name"; then
        fault "$name"
    elif (cd "$work/$name" && timeout --kill-after=5 "$PROGRAM_SECONDS" "$@" "$port") >"$work/$name/out" 2>&1; then
        passed=$((passed + 1))
        echo "$name: passed in $((SECONDS - began)) s ($(tail -n 1 "$work/$name/out"))"
    else
        fault "$name (left with $?)"
        tail -n 40 "$work/$name/out" | sed 's/^/    /'
        grep -vE ' \* ' "$work/$name/log" | tail -n 5 | sed 's/^/    server: /'
    fi
    stop
}

# needs PROBE PACKAGE...: whether a program is there; installs the Debian packages behind it if not.
needs() {
    local probe=$1
    shift
    eval "$probe" >/dev/null 2>&1 && return 0
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    [ -e "$work/updated" ] || { "${as_root[@]}" apt-get update -qq >/dev/null && touch "$work/updated"; }
    timeout "$INSTALL_SECONDS" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$work/apt" 2>&1
    eval "$probe" >/dev/null 2>&1 || { echo "could not install $*: $(tail -n 3 "$work/apt")"; return 1; }
}

wanted() { [ -z "$only" ] || printf '%s\n' "$@" | grep -qx "$only"; }

# Python.
if wanted redis-py celery rq locks-and-limits-python; then
    stamp=$cache/python/$(sha256sum <"$here/python/requirements.txt" | cut -c1-16)
    if needs "python3 -c 'import ensurepip'" python3-venv && { [ -e "$stamp" ] ||
        { rm -rf "$cache/python" && python3 -m venv "$cache/python" &&
            timeout "$INSTALL_SECONDS" "$cache/python/bin/pip" install -q -r "$here/python/requirements.txt" && touch "$stamp"; }; }; then
        export PATH=$cache/python/bin:$PATH PYTHONDONTWRITEBYTECODE=1
        run redis-py python "$here/python/redis_py.py"
        run celery python "$here/python/celery_work.py"
        run rq python "$here/python/rq_work.py"
        run locks-and-limits-python python "$here/python/locks_and_limits.py"
    else
        fault "python clients (installing)"
    fi
fi

# Node.
if wanted ioredis node-redis bullmq socket.io locks-and-limits-node; then
    stamp=$cache/node_modules/$(sha256sum <"$here/node/package.json" | cut -c1-16)
    if needs "command -v node && command -v npm" nodejs npm && { [ -e "$stamp" ] ||
        { rm -rf "$cache/node_modules" && cp "$here/node/package.json" "$cache/" &&
            timeout "$INSTALL_SECONDS" npm install --silent --no-fund --no-audit --no-package-lock --omit=optional --prefix "$cache" && touch "$stamp"; }; }; then
        export NODE_PATH=$cache/node_modules
        run ioredis node "$here/node/ioredis.js"
        run node-redis node "$here/node/node_redis.js"
        run bullmq node "$here/node/bullmq.js"
        run socket.io node "$here/node/socketio.js"
        run locks-and-limits-node node "$here/node/locks_and_limits.js"
    else
        fault "node clients (installing)"
    fi
fi

# From Debian.
if wanted sidekiq; then
    if needs "ruby -e 'require %q(sidekiq)'" ruby-sidekiq; then run sidekiq ruby "$here/ruby/sidekiq_work.rb"; else fault "sidekiq (installing)"; fi
fi
if wanted php-redis; then
    if needs "php -r 'exit(extension_loaded(\"redis\") ? 0 : 1);'" php-cli php-redis; then run php-redis "$here/php/sessions.sh"; else fault "php-redis (installing)"; fi
fi
if wanted exporter; then
    if needs "command -v prometheus-redis-exporter" prometheus-redis-exporter; then
        run exporter python3 "$here/exporter.py"
    else
        fault "exporter (installing)"
    fi
fi

echo "clients: $passed passed, $failed failed"
[ "$failed" = 0 ]
