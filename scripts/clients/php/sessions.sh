#!/usr/bin/env bash
# php-redis: the extension's own commands, and PHP sessions kept on the server, with and without locking, through PHP's web server.
set -euo pipefail
here=$(dirname "$0") port=$1
web=$((port + 1))
php "$here/commands.php" "$port"
cat >php.ini <<INI
session.save_handler = redis
session.save_path = "tcp://127.0.0.1:$port?prefix=session:"
redis.session.locking_enabled = 1
redis.session.lock_wait_time = 5000
redis.session.lock_retries = 1000
INI
# In a process group of its own: its workers outlive the first process otherwise.
PHP_CLI_SERVER_WORKERS=4 setsid php -c php.ini -S "127.0.0.1:$web" "$here/counter.php" >web.log 2>&1 &
process=$!
trap 'kill -- -$process 2>/dev/null; wait $process 2>/dev/null || true' EXIT
python3 "$here/visit.py" "$web" || { tail -n 20 web.log; exit 1; }
php -r '$r = new Redis(); $r->connect("127.0.0.1", (int) $argv[1]); $keys = $r->keys("session:*"); count($keys) === 2 or die("sessions: " . json_encode($keys) . "\n");
    $r->ttl($keys[0]) > 1000 or die("a session has no deadline\n");' "$port" | { ! grep .; }
echo "php-redis: commands, pipelines, transactions, scripts; sessions with locks"
