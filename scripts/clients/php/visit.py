"""Visits the page of counter.php as two people: one after the other, then with many visits at once."""
import sys
import threading
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar

PAGE = f"http://127.0.0.1:{sys.argv[1]}/"
people = [urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())) for _ in range(2)]


def visit(person):
    return int(person.open(PAGE, timeout=20).read())


until = time.time() + 10
while True:
    try:
        counts = [visit(people[0])]
        break
    except (urllib.error.URLError, ConnectionError):
        assert time.time() < until, "PHP's web server does not answer"
        time.sleep(0.1)
counts += [visit(people[0]) for _ in range(4)]
assert counts == [1, 2, 3, 4, 5], f"visits one after the other: {counts}"
assert visit(people[1]) == 1, "each person has a session of their own"
seen = []
threads = [threading.Thread(target=lambda: seen.append(visit(people[0]))) for _ in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert sorted(seen) == list(range(6, 16)), f"visits at once, under a lock: {sorted(seen)}"
