"""`make bench-relay`: how long from commit to position, and what relay and workers cost an event.

`RATE` (300) changes a second for `SECONDS` (30), by 8 writers as in `tests/reliability/events.py`, while `manage.py work`
runs; then a backlog of `BACKLOG` (50,000) written while it stands still. Ends with 1 where the p95 is over 300 ms or an
event costs more than 0.5 ms of processor time, PostgreSQL's own included.
"""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.reliability.events import CHANGE, ENTRY, make_subjects
from tests.reliability.product import ROOT, Product, processor_seconds, product, wait_until

RATE, SECONDS = int(os.environ.get("RATE", "300")), int(os.environ.get("SECONDS", "30"))
BACKLOG = int(os.environ.get("BACKLOG", "50000"))
WRITERS = 8
MOST_LAG, MOST_COST = 0.3, 0.5  # seconds; milliseconds of processor time
SEEN = "SELECT subject_id, version FROM outbox_event WHERE kind = 'ledger.changed' AND seq > %s ORDER BY seq"
EMPTY = "SELECT NOT EXISTS (SELECT FROM outbox_entry)"
LAST = "SELECT COALESCE(max(seq), 0) FROM outbox_event"


def main() -> None:
    with product(workers=1, tenants=4, customers=1, agents=1) as running, running.owner() as owner:
        end_the_served_one(running)
        subjects = make_subjects(owner, [UUID(tenant["id"]) for tenant in running.tenants], 200)
        command = [sys.executable, "manage.py", "work"]
        with subprocess.Popen(command, cwd=ROOT, env=running.environment) as work:
            change(owner, subjects[0])
            wait_until(lambda: owner.execute(EMPTY).fetchone()[0], "the work process is not up")
            lags = sorted(measured_lags(running, subjects))
            cost = cost_of_an_event(running, owner, work.pid, subjects)
            work.terminate()
    p50, p95 = statistics.median(lags) * 1000, lags[int(len(lags) * 0.95)] * 1000
    sys.stdout.write(f"{len(lags)} changes at {RATE} a second: from commit to position p50 {p50:.0f} ms, p95 {p95:.0f} ms\n"
                     f"an event from a backlog of {BACKLOG:,}: {cost:.3f} ms of processor time\n")  # fmt: skip
    sys.exit(p95 > MOST_LAG * 1000 or cost > MOST_COST)


def end_the_served_one(running: Product) -> None:
    """`make serve` has a work process of its own, which would come back: held still, it holds no lock of a turn."""
    data = running.environment["ONDI_DATA_DIR"]
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command, environment = ((folder / name).read_bytes() for name in ("cmdline", "environ"))
            except OSError:
                continue
            if b"manage.py\0work" in command and data.encode() in environment:
                os.kill(int(folder.name), signal.SIGSTOP)


def measured_lags(running: Product, subjects: list[UUID]) -> list[float]:
    """From each commit to the first look that finds its event; looked at every five milliseconds."""
    committed: dict[tuple[UUID, int], float] = {}
    found: dict[tuple[UUID, int], float] = {}
    over = threading.Event()

    def look() -> None:
        with running.owner() as reader:
            seq = reader.execute(LAST).fetchone()[0]
            while not over.wait(0.005):
                rows = reader.execute(SEEN, [seq]).fetchall()
                found.update(dict.fromkeys(rows, time.monotonic()))
                seq += len(rows)

    def write(number: int) -> None:
        with running.owner() as writer:
            begun = time.monotonic()
            for turn in range(RATE * SECONDS // WRITERS):
                time.sleep(max(0.0, begun + turn * WRITERS / RATE - time.monotonic()))  # until it is due
                subject = subjects[(turn * WRITERS + number) % len(subjects)]
                with writer.transaction():
                    version = change(writer, subject)
                committed[subject, version] = time.monotonic()

    looking = threading.Thread(target=look)
    looking.start()
    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    wait_until(lambda: committed.keys() <= found.keys(), "the relay does not come through")
    over.set()
    looking.join()
    return [max(0.0, found[key] - at) for key, at in committed.items()]


def change(connection: Any, subject: UUID) -> int:
    version, tenant_id = connection.execute(CHANGE, [subject]).fetchone()
    connection.execute(ENTRY, [tenant_id, subject, version, Jsonb({})])
    return int(version)


def cost_of_an_event(running: Product, owner: Any, work: int, subjects: list[UUID]) -> float:
    """Milliseconds of processor time an event, of the work process and of its connections."""
    os.kill(work, signal.SIGSTOP)
    for start in range(0, BACKLOG, 1000):
        with owner.transaction():
            for number in range(start, min(start + 1000, BACKLOG)):
                change(owner, subjects[number % len(subjects)])
    connections = connections_of(running)
    before = sum(map(processor_seconds, [work, *connections]))
    os.kill(work, signal.SIGCONT)
    wait_until(lambda: owner.execute(EMPTY).fetchone()[0], "the backlog stays")
    time.sleep(1)  # until its subscribers are done as well
    after = sum(map(processor_seconds, [work, *connections]))
    return (after - before) / BACKLOG * 1000


def connections_of(running: Product) -> list[int]:
    """The server's processes for the application: the work process's, and the web's, which stand idle meanwhile."""
    with running.owner() as owner:
        rows = owner.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'ondi'").fetchall()
    return [pid for (pid,) in rows]


if __name__ == "__main__":
    main()
