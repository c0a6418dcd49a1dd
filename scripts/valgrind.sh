#!/usr/bin/env bash
# Runs the model tests of every module that uses `unsafe` under valgrind (`make valgrind`): reads and writes outside of what was allocated, use
# after free, values that were never set, and memory that is lost. Takes some minutes. Arguments: names of modules instead of all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind"; exit 1; }
# Optimised as the tests are; the system's allocator, which valgrind replaces by its own (only the server itself uses jemalloc).
binary=$(cargo test --lib --no-run --message-format=json 2>/dev/null |
    python3 -c 'import json, sys; print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["kind"] != ["bin"]][-1])')
modules=("$@")
[ ${#modules[@]} -gt 0 ] || modules=(structures:: keyspace:: base::shared_bytes value::)
for module in "${modules[@]}"; do
    echo "== $module"
    valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
        "$binary" --test-threads=1 "$module" | tail -n 3
done
