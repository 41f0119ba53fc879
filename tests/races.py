"""Real threads on real connections."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connections


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run these calls, each in a thread and on a connection of its own, all let go together."""
    start = threading.Barrier(len(calls), timeout=30)

    def run(call):
        try:
            start.wait()
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, call) for call in calls]]


def deadlocks_so_far(owner) -> int:
    """How many deadlocks PostgreSQL has broken in this database. (The product repeats such a request silently.)"""
    time.sleep(1.1)  # connections report what they saw when they end, at most once a second
    owner.execute("SELECT pg_stat_clear_snapshot()")
    found = owner.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    return found[0]


@contextmanager
def held_up(call: Callable[[], Any], holder: Any) -> "Iterator[Future[Any]]":
    """Run the call in a thread; the block begins once it waits for a lock of `holder`, and lets that go."""

    def run():
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(run)
        # Not pg_stat_activity: within a transaction that stays as it was first looked at.
        blocked = "SELECT pg_sleep(0.01), count(*) FROM pg_locks WHERE NOT granted AND %s = ANY (pg_blocking_pids(pid))"
        while not holder.execute(blocked, [holder.info.backend_pid]).fetchone()[1]:
            assert not running.done(), running.result()
        yield running
        running.result(timeout=30)


def until_somebody_waits(holder) -> None:
    """Until somebody waits for a lock in this database. Looked at again and again: PostgreSQL tells nobody."""
    end = time.monotonic() + 30
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND cardinality(pg_blocking_pids(pid)) > 0)"
    while not holder.execute(waits).fetchone()[0]:
        assert time.monotonic() < end, "nobody waits"
