"""The Prometheus exporter for Redis reads everything it knows of from the server, without an error, and its figures are the server's."""
import re
import socket
import subprocess
import sys
import time
import urllib.request

PORT = int(sys.argv[1])
WEB = PORT + 1


def call(*words):
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as wire:
        wire.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (word.encode() for word in words)))
        return wire.recv(65536)


def metrics():
    return urllib.request.urlopen(f"http://127.0.0.1:{WEB}/metrics", timeout=10).read().decode()


def figure(page, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.M)
    assert found, f"{name} is not there"
    return float(found.group(1))


for number in range(10):
    call("SET", f"key{number}", "value", *(["EX", "1000"] if number < 3 else []))
call("RPUSH", "queue", "a", "b", "c")
call("CONFIG", "SET", "slowlog-log-slower-than", "0")
exporter = subprocess.Popen(["prometheus-redis-exporter", "-redis.addr", f"redis://127.0.0.1:{PORT}", "-web.listen-address", f"127.0.0.1:{WEB}",
                             "-check-single-keys", "db0=queue", "-check-keys", "db0=key*", "-include-system-metrics"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
try:
    until = time.time() + 15
    while True:
        try:
            page = metrics()
            break
        except OSError:
            assert time.time() < until and exporter.poll() is None, f"the exporter does not answer: {exporter.stderr.read() if exporter.poll() is not None else ''}"
            time.sleep(0.1)
    page = metrics()
    expected = {"redis_up": 1, 'redis_db_keys{db="db0"}': 11, 'redis_db_keys_expiring{db="db0"}': 3, "redis_exporter_last_scrape_error{err=\"\"}": 0,
                'redis_key_size{db="db0",key="queue"}': 3, "redis_aof_enabled": 0, "redis_cluster_enabled": 0}
    for name, value in expected.items():
        assert figure(page, name) == value, f"{name}: {figure(page, name)}, expected {value}"
    assert figure(page, "redis_memory_used_bytes") > 100_000 and figure(page, "redis_connected_clients") >= 1
    assert figure(page, 'redis_commands_total{cmd="set"}') == 10
    assert figure(page, "redis_slowlog_length") > 0 and figure(page, "redis_uptime_in_seconds") >= 0
    assert re.search(r'redis_instance_info\{.*redis_version="8\.', page) and 'role="master"' in page
    assert "redis_latency_percentiles_usec" in page, "latency per command"
finally:
    exporter.terminate()
    log = exporter.communicate(timeout=10)[1]
bad = [line for line in log.splitlines() if "level=error" in line or "level=warn" in line]
assert not bad, "\n".join(bad)
print(f"exporter: {len([line for line in page.splitlines() if line[:1] != '#'])} figures")
