"""Locks (of redis-py, and python-redis-lock) and rate limits (limits), all of which are Lua scripts."""
import sys
import threading
import time

import redis
import redis_lock
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond, storage, strategies

PORT = int(sys.argv[1])


def check(what, got, expected):
    assert got == expected, f"{what}: {got!r}, expected {expected!r}"


def counts_alone(make_lock):
    """Several threads add to a number under a lock; without one, they would lose additions."""
    counter = {"value": 0}

    def work():
        for _ in range(10):
            with make_lock():
                value = counter["value"]
                time.sleep(0.001)
                counter["value"] = value + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counter["value"]


def locks():
    r = redis.Redis(port=PORT)
    check("redis-py's lock", counts_alone(lambda: r.lock("mine", timeout=5, sleep=0.002)), 40)
    lock = r.lock("held", timeout=1)
    assert lock.acquire(blocking=False) and not r.lock("held").acquire(blocking=False), "a lock is held once"
    assert lock.extend(5, replace_ttl=True) and r.pttl("held") > 4000, "a lock is extended"
    lock.release()
    try:
        lock.release()
        raise AssertionError("a lock was released twice")
    except redis.exceptions.LockError:
        pass
    check("python-redis-lock", counts_alone(lambda: redis_lock.Lock(r, "theirs", expire=5)), 40)
    first, second = redis_lock.Lock(r, "other", expire=5), redis_lock.Lock(r, "other", expire=5)
    assert first.acquire(blocking=False) and not second.acquire(blocking=False)
    threading.Timer(0.2, first.release).start()
    assert second.acquire(timeout=5), "who waits for a lock gets it when it is released"
    second.release()


def limits():
    store = storage.storage_from_string(f"redis://127.0.0.1:{PORT}")
    assert store.check(), "limits' storage answers"
    for kind in (strategies.FixedWindowRateLimiter, strategies.MovingWindowRateLimiter, strategies.SlidingWindowCounterRateLimiter):
        limiter, item = kind(store), RateLimitItemPerMinute(5)
        check(kind.__name__, [limiter.hit(item, kind.__name__) for _ in range(7)], [True] * 5 + [False] * 2)
        check(f"{kind.__name__}, another", limiter.hit(item, kind.__name__, "other"), True)
        check(f"{kind.__name__}, what is left", limiter.get_window_stats(item, kind.__name__).remaining, 0)
    limiter, item = strategies.MovingWindowRateLimiter(store), RateLimitItemPerSecond(2)
    check("a second's limit", [limiter.hit(item, "s") for _ in range(3)], [True, True, False])
    time.sleep(1.1)
    check("a second later", limiter.hit(item, "s"), True)
    store.reset()


locks()
limits()
print("locks and limits: redis-py, python-redis-lock, limits")
