"""Celery with the server as broker and as result store: a worker process runs tasks, with retries, delays, groups, chords and remote control."""
import os
import subprocess
import sys
import time

from celery import Celery, chain, chord, group

PORT = os.environ.get("CELERY_PORT") or sys.argv[-1]
WAIT_SECONDS = 20

app = Celery("celery_work", broker=f"redis://127.0.0.1:{PORT}/1", backend=f"redis://127.0.0.1:{PORT}/2")
app.conf.update(broker_connection_retry_on_startup=True, result_expires=600, task_track_started=True, worker_prefetch_multiplier=1,
                broker_transport_options={"visibility_timeout": 600, "priority_steps": [0, 5, 9], "queue_order_strategy": "priority"})


@app.task
def add(a, b):
    return a + b


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=3, default_retry_delay=0.1)
def stubborn(self, wins_at):
    if self.request.retries < wins_at:
        raise self.retry(exc=ValueError("not yet"))
    return self.request.retries


@app.task
def fails():
    raise KeyError("on purpose")


def check(what, got, expected):
    assert got == expected, f"{what}: {got!r}, expected {expected!r}"


def work():
    check("a task", add.delay(2, 3).get(timeout=WAIT_SECONDS), 5)
    check("many tasks", [r.get(timeout=WAIT_SECONDS) for r in [add.delay(n, n) for n in range(50)]], [2 * n for n in range(50)])
    check("retries", stubborn.delay(2).get(timeout=WAIT_SECONDS), 2)
    began = time.monotonic()
    check("a countdown", add.apply_async((1, 1), countdown=1).get(timeout=WAIT_SECONDS), 2)
    assert time.monotonic() - began >= 0.9, "a task with a countdown ran at once"
    check("a priority", add.apply_async((4, 4), priority=9).get(timeout=WAIT_SECONDS), 8)
    check("a group", group(add.s(n, 1) for n in range(10)).apply_async().get(timeout=WAIT_SECONDS), list(range(1, 11)))
    check("a chain", chain(add.s(1, 2), add.s(10), add.s(100)).apply_async().get(timeout=WAIT_SECONDS), 113)
    check("a chord", chord((add.s(n, n) for n in range(10)), total.s()).apply_async().get(timeout=WAIT_SECONDS), 90)
    failed = fails.delay()
    try:
        failed.get(timeout=WAIT_SECONDS)
        raise AssertionError("a task that raises has a result")
    except KeyError as error:
        check("an error", (failed.state, error.args), ("FAILURE", ("on purpose",)))
    late = add.apply_async((1, 1), countdown=3600)
    late.revoke()
    answers = app.control.inspect(timeout=5).ping()
    assert answers and list(answers.values())[0] == {"ok": "pong"}, f"remote control: {answers!r}"
    result = add.delay(1, 2)
    result.get(timeout=WAIT_SECONDS)
    result.forget()
    check("a forgotten result", app.backend.client.exists(app.backend.get_key_for_task(result.id)), 0)


def main():
    environment = dict(os.environ, CELERY_PORT=PORT, PYTHONPATH=os.path.dirname(os.path.abspath(__file__)))
    worker = subprocess.Popen([sys.executable, "-m", "celery", "-A", "celery_work", "worker", "--concurrency", "2", "--loglevel", "WARNING"],
                              env=environment)
    try:
        work()
    finally:
        worker.terminate()
        try:
            check("the worker's end", worker.wait(timeout=20), 0)
        finally:
            worker.kill()
    print("celery: tasks, retries, countdown, groups, chords, errors, remote control")


if __name__ == "__main__":
    main()
