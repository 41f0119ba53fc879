"""Many writers of few subjects, and what has to be true of the events afterwards.

Short in `tests/outbox/test_relay.py`; long, with kills and stops of the database, in `make chaos`.
"""

import itertools
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

# A change of a subject as services write one: its row locked, its version raised, the entry in the same transaction.
TABLE = "CREATE TABLE IF NOT EXISTS ledger_subject (id uuid PRIMARY KEY, tenant_id uuid, version integer DEFAULT 0)"
CHANGE = "UPDATE ledger_subject SET version = version + 1 WHERE id = %s RETURNING version, tenant_id"
ENTRY = """
INSERT INTO outbox_entry (tenant_id, kind, subject_id, version, data, is_silent, cause, at)
VALUES (%s, 'ledger.changed', %s, %s, %s, false, '', now())
"""
RELAYED = (
    "SELECT tenant_id, position, seq, subject_id, version FROM outbox_event WHERE kind = 'ledger.changed' ORDER BY seq"
)


@dataclass
class Written:
    """What the writers know: by subject, versions that were committed, and those that nobody answered for."""

    committed: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    unknown: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    taken_back: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def number(self) -> int:
        return sum(map(len, self.committed.values()))


def make_subjects(owner: Any, tenant_ids: list[UUID], number: int) -> list[UUID]:
    """So many rows to write about, in turns in these tenants. `owner`: a connection as the schema's owner."""
    owner.execute(TABLE)
    insert = "INSERT INTO ledger_subject (id, tenant_id) VALUES (gen_random_uuid(), %s) RETURNING id"
    return [owner.execute(insert, [tenant_ids[place % len(tenant_ids)]]).fetchone()[0] for place in range(number)]


def write(
    connect: Callable[[], Any],
    subjects: list[UUID],
    *,
    writers: int,
    changes: int,
    longest_sleep: float,
    seed: int = 1,
    goes_on: Callable[[], bool] = lambda: False,
) -> Written:
    """Let so many writers make so many changes each, with sleeps inside their transactions; one in ten takes back.
    Where there is more to live through, they write until that is over (`goes_on`).

    `connect`: as the schema's owner. A writer whose line breaks goes on with the next change.
    """
    found = Written()
    with ThreadPoolExecutor(max_workers=writers) as pool:
        chances = [random.Random(seed + number) for number in range(writers)]
        running = [
            pool.submit(_write, connect, subjects, changes, longest_sleep, one, found, goes_on) for one in chances
        ]
        for writer in running:
            writer.result()
    return found


def _write(
    connect: Callable[[], Any], subjects: list[UUID], changes: int, longest_sleep: float, chance: random.Random,
    found: Written, goes_on: Callable[[], bool],
) -> None:  # fmt: skip
    connection = connected(connect)
    for change in itertools.count():
        if change >= changes and not goes_on():
            break
        subject, takes_back, version = chance.choice(subjects), chance.random() < 0.1, None
        try:
            with connection.transaction(force_rollback=takes_back):
                version, tenant_id = connection.execute(CHANGE, [subject]).fetchone()
                connection.execute(ENTRY, [tenant_id, subject, version, Jsonb({})])
                connection.execute("SELECT pg_sleep(%s)", [chance.random() * longest_sleep])
        except psycopg.OperationalError:
            with found.lock:  # the database alone knows
                if version is not None and not takes_back:
                    found.unknown[subject].append(version)
            connection = connected(connect)
            continue
        with found.lock:
            if takes_back:
                found.taken_back += 1
            else:
                found.committed[subject].append(version)
    connection.close()


def connected(connect: Callable[[], Any]) -> Any:
    """A connection, once the database gives one."""
    end = time.monotonic() + 60
    while True:
        try:
            return connect()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)  # the database is coming up again


def faults_of(owner: Any, written: Written) -> list[str]:
    """What is wrong with the events: lost, doubled, out of order, with gaps; and none of what was taken back."""
    faults: list[str] = []
    positions: dict[UUID, list[int]] = defaultdict(list)
    versions: dict[UUID, list[int]] = defaultdict(list)
    sequence = []
    for tenant_id, position, seq, subject, version in owner.execute(RELAYED):
        positions[tenant_id].append(position)
        versions[subject].append(version)
        sequence.append(seq)
    if owner.execute("SELECT count(*) FROM outbox_entry").fetchone()[0]:
        faults.append("entries are left")
    if sequence and sequence != list(range(sequence[0], sequence[0] + len(sequence))):
        faults.append("seq has gaps")
    for tenant_id, found in positions.items():
        if found != list(range(found[0], found[0] + len(found))):
            faults.append(f"positions of {tenant_id} have gaps or are out of order")
    for subject, found in versions.items():
        if found != sorted(set(found)):
            faults.append(f"versions of {subject} are out of order or doubled")
        if lost := set(written.committed[subject]) - set(found):
            faults.append(f"{len(lost)} of {subject} are lost")
        if made_up := set(found) - set(written.committed[subject]) - set(written.unknown[subject]):
            faults.append(f"{len(made_up)} of {subject} were never committed")
    return faults
