#!/usr/bin/env bash
# Real client libraries against our server: what a program that uses Redis does first, done with the libraries it would use.
#
#   scripts/clients.sh [path of the server]    (default: target/release/gyre-server; `make clients` builds it)
#
# redis-py from PyPI always; ioredis and node-redis from npm where node is present. They are kept under ${GYRE_CACHE:-.cache}/clients.
# The `redis` crate is used by the tests of cargo.
set -euo pipefail
cd "$(dirname "$0")/.."
server=${1:-${GYRE_SERVER:-target/release/gyre-server}}
cache=${GYRE_CACHE:-$PWD/.cache}/clients
port=${GYRE_PORT:-7790}
mkdir -p "$cache"
folder=$(mktemp -d)
"$server" --port "$port" --save "" --dir "$folder" >"$folder/log" 2>&1 &
process=$!
trap 'kill "$process" 2>/dev/null; wait "$process" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
    sleep 0.05
done

if [ ! -x "$cache/python/bin/python" ]; then
    python3 -m venv "$cache/python" 2>/dev/null || { echo "clients: please install python3-venv"; exit 4; }
    "$cache/python/bin/pip" install -q redis==7.0.1
fi
"$cache/python/bin/python" scripts/clients/redis_py.py "$port"

if command -v node >/dev/null && command -v npm >/dev/null; then
    [ -d "$cache/node_modules/ioredis" ] && [ -d "$cache/node_modules/redis" ] || npm install --silent --no-fund --no-audit --prefix "$cache" ioredis@5 redis@5 >/dev/null
    NODE_PATH=$cache/node_modules node scripts/clients/node.js "$port"
else
    echo "node clients: skipped, node is not installed"
fi
