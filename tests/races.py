"""Real threads on real connections."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
