"""RQ: a worker process in burst mode runs jobs with results, retries, dependencies and a schedule."""
import datetime
import os
import subprocess
import sys
import time

import redis
from rq import Queue, Retry
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry

PORT = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 0


def double(number):
    return 2 * number


def fails():
    raise ValueError("on purpose")


def fails_once(key):
    if redis.Redis(port=int(os.environ["RQ_PORT"])).incr(key) == 1:
        raise ValueError("the first time")
    return "done"


def check(what, got, expected):
    assert got == expected, f"{what}: {got!r}, expected {expected!r}"


def worker(*options):
    environment = dict(os.environ, RQ_PORT=str(PORT), PYTHONPATH=os.path.dirname(os.path.abspath(__file__)))
    subprocess.run([sys.executable, "-m", "rq.cli", "worker", "--burst", "--url", f"redis://127.0.0.1:{PORT}", *options, "high", "low"],
                   env=environment, timeout=60, check=True)


def main():
    connection = redis.Redis(port=PORT)
    high, low = Queue("high", connection=connection), Queue("low", connection=connection)
    import rq_work as tasks  # by the name under which the worker finds them

    jobs = [low.enqueue(tasks.double, number) for number in range(10)]
    bad = high.enqueue(tasks.fails)
    stubborn = high.enqueue(tasks.fails_once, "attempts", retry=Retry(max=2))
    after = high.enqueue(tasks.double, 21, depends_on=jobs)
    check("waiting", (low.count, high.count), (10, 2))
    worker()
    check("results", [Job.fetch(job.id, connection=connection).return_value() for job in jobs], [2 * n for n in range(10)])
    check("a dependent", after.return_value(refresh=True), 42)
    check("failed", FailedJobRegistry(queue=high).get_job_ids(), [bad.id])
    assert "on purpose" in bad.latest_result().exc_string
    check("after a retry", stubborn.return_value(refresh=True), "done")
    assert jobs[0].id in FinishedJobRegistry(queue=low).get_job_ids(), "a job that ran is finished"
    late = low.enqueue_in(datetime.timedelta(seconds=1), tasks.double, 5)
    check("scheduled", late.get_status(), "scheduled")
    until = time.time() + 20
    while late.return_value(refresh=True) != 10:
        assert time.time() < until, "a scheduled job did not run"
        worker("--with-scheduler")
        time.sleep(0.2)
    print("rq: jobs, results, failures, retries, dependencies, schedule")


if __name__ == "__main__":
    main()
