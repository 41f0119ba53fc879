"""Programs that fail are called by workers that are killed, while the database is stopped again and again.

Programs at a hundred addresses of this machine answer 500 to 30 % of the calls and nothing at all to 5 %, by chance.
Writers change tickets of their tenants, a hundred a second, each change with its entry in one transaction, one in ten
taken back; so relay, planning and sending are at work all the time, and the processor has time for a call within 15 ms.
The processes are the product's own (`manage.py work`) with the schedule and the time limit of calls divided by 1,000
(`hasty`). The lease is not divided: what a killed worker had in hand is called again a minute later. Where nothing is
called any more for a while because of that, or because what is left waits for a late try, the clock is moved on by a
minute: every moment by which something is due or leased is moved back in the database.

A call fails ten times in a row now and then (once in 36,000). Where all ten are of one host its breaker opens, for
three tenths of a second here, and nothing is lost; where all ten are of one delivery it is given up, and is sent again
as its admin would have it sent again. Each such call counts.

`CHAOS_CALLS` sets how many events are written (100,000), `CHAOS_CALL_KILLS` how many workers are killed (200),
`CHAOS_CALL_STOPS` how often the database is stopped (20), `CHAOS_CALL_TENANTS` how many tenants there are (100),
`CHAOS_CALL_HASTE` by what schedule and limit are divided (1,000; on a busy machine a call takes more than 15 ms),
`CHAOS_CALL_IDLE` after how many seconds without a call the clock is moved (5).
"""

import asyncio
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import orjson
import psycopg
from psycopg.types.json import Jsonb

from tests.benchmarks.load import load
from tests.reliability.events import connected
from tests.reliability.mails import start_django
from tests.reliability.product import (
    ROOT,
    database_url,
    free_port,
    owner,
    prepared,
    processor_seconds,
    start_database,
    stop_database,
    wait_until,
)  # fmt: skip

CALLS = int(os.environ.get("CHAOS_CALLS", "100000"))
KILLS = int(os.environ.get("CHAOS_CALL_KILLS", "200"))
STOPS = int(os.environ.get("CHAOS_CALL_STOPS", "20"))
TENANTS = int(os.environ.get("CHAOS_CALL_TENANTS", "100"))
HASTE = os.environ.get("CHAOS_CALL_HASTE", "1000")
ON_SCHEDULE = 1_000
TICKETS, WORKERS, WRITERS = 5, 2, 8  # tickets: of a tenant
FAILS, HANGS, MOST_REQUESTS = 0.30, 0.05, 1.7
AHEAD = max(200, CALLS // 50)  # events that are written and not yet acknowledged
IDLE = float(os.environ.get("CHAOS_CALL_IDLE", "5"))
RATE, MOST_MOVES = 100, 400  # rate: events a second
KINDS = ("ticket.tags_changed", "ticket.priority_changed")  # each has its endpoint in every tenant

# A change as services write one: its ticket locked, its version raised, the entry in the same transaction.
CHANGE = "UPDATE support_ticket SET version = version + 1 WHERE id = %s RETURNING version"
ENTRY = """
INSERT INTO outbox_entry (tenant_id, kind, subject_id, version, person_id, data, is_silent, cause, at)
VALUES (%s, %s, %s, %s, %s, %s, false, '', now())
"""
SUBJECTS = "SELECT id, tenant_id, number, requester_id, conversation_id FROM support_ticket ORDER BY id"
BEGUN = "SELECT EXISTS (SELECT FROM outbox_cursor WHERE subscriber = 'webhooks')"
EVENTS = "SELECT tenant_id, position, kind, data #>> '{after,tags,0}' FROM outbox_event WHERE kind = ANY (%s)"
WAITING = """
SELECT EXISTS (SELECT FROM outbox_entry)
    OR (SELECT seq FROM outbox_cursor WHERE subscriber = 'webhooks') < (SELECT seq FROM outbox_head)
    OR EXISTS (SELECT FROM webhooks_delivery WHERE state = 'waiting')
"""
SEEN = "SELECT error, count(*) FROM webhooks_attempt GROUP BY 1 ORDER BY 2 DESC"
DEAD = "SELECT DISTINCT tenant_id, endpoint_id FROM webhooks_delivery WHERE state = 'dead'"
MOVE_CLOCK = """
UPDATE webhooks_delivery SET leased_until = leased_until - interval '1 min', next_at = next_at - interval '1 min'
WHERE state = 'waiting'
"""


class Subject(NamedTuple):
    """A ticket, as the writers change it."""

    id: UUID
    tenant_id: UUID
    number: int
    requester_id: UUID
    conversation_id: UUID


@dataclass
class Written:
    """What the writers know of each change, by its tag: what was committed, taken back, or never answered for."""

    committed: dict[str, tuple[UUID, str]] = field(default_factory=dict)
    unknown: dict[str, tuple[UUID, str]] = field(default_factory=dict)
    taken_back: set[str] = field(default_factory=set)


class Programs:
    """What all tenants run: they keep what they get, fail and hang by chance, and acknowledge the rest.

    `called`: how often by path and tag; `acknowledged`: what was answered with 204; `positions`: by tag, as told.
    """

    def __init__(self, hosts: list[str]) -> None:
        self.hosts, self.port = hosts, free_port()
        self.fails, self.hangs = FAILS, HANGS
        self.called, self.answers = Counter[tuple[str, str]](), Counter[str]()
        self.requests = 0
        self.acknowledged: set[tuple[str, str]] = set()
        self.names: dict[tuple[str, str], set[str]] = {}
        self.positions: dict[str, int] = {}
        self._chance = random.Random(8)

    @contextmanager
    def running(self) -> Iterator[None]:
        loop = asyncio.new_event_loop()
        serving = loop.create_server(lambda: _Connection(self), self.hosts, self.port, backlog=512)
        loop.run_until_complete(serving)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def answer(self, path: str, name: str, body: bytes) -> bytes | None:
        """What is answered; None: nothing, ever."""
        said = orjson.loads(body)["data"]
        (tag,) = said["after"]["tags"]
        self.called[path, tag] += 1
        self.requests += 1
        self.names.setdefault((path, tag), set()).add(name)
        self.positions[tag] = said["position"]
        drawn = self._chance.random()
        if drawn < self.hangs:
            self.answers["none"] += 1
            return None
        if drawn < self.hangs + self.fails:
            self.answers["500"] += 1
            return b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
        self.answers["204"] += 1
        self.acknowledged.add((path, tag))
        return b"HTTP/1.1 204 No Content\r\n\r\n"


class _Connection(asyncio.Protocol):
    """Of one call: it is read to its end and answered."""

    HEAD = re.compile(rb"POST (\S+) .*?\r\nwebhook-id: (\S+)\r\n", re.DOTALL | re.IGNORECASE)
    LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)

    def __init__(self, programs: Programs) -> None:
        self._programs, self._read = programs, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, is_whole, body = self._read.partition(b"\r\n\r\n")
        if not is_whole:
            return
        head += b"\r\n"
        length, named = self.LENGTH.search(head), self.HEAD.match(head)
        if length and named and len(body) >= int(length[1]):
            answer = self._programs.answer(named[1].decode(), named[2].decode(), body)
            if answer is not None:
                self._transport.write(answer)
                self._transport.close()


class Workers:
    """The product's work processes, of which one at a time is killed and started again."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._running = [self._start() for _worker in range(WORKERS)]
        self.seconds = 0.0  # of the processor, of those that were killed

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", "work"]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, stderr=subprocess.DEVNULL)

    def kill_one(self) -> None:
        place = random.randrange(len(self._running))
        self.seconds += processor_seconds(self._running[place].pid)
        self._running[place].kill()
        self._running[place].wait()
        self._running[place] = self._start()

    def end(self) -> None:
        for one in self._running:
            self.seconds += processor_seconds(one.pid)
            one.terminate()
        for one in self._running:
            one.wait(timeout=60)


def called_by_killed_workers() -> tuple[dict[str, Any], list[str]]:
    """Every event that was committed is acknowledged, none that was taken back is told, in few requests."""
    _home, environment = prepared(
        ONDI_INSTALLATION="chaos",
        WEBHOOK_HASTE=HASTE,
        WEBHOOK_PRIVATE_NETWORKS=",".join(f"tenant-{number}=127.0.0.0/8" for number in range(TENANTS)),
    )
    load(tickets=TENANTS * TICKETS, tenants=TENANTS)
    start_django(environment)
    let_calls_out()
    programs, written = Programs([f"127.0.0.{number + 2}" for number in range(TENANTS)]), Written()
    with owner() as database:
        subjects = [Subject(*row) for row in database.execute(SUBJECTS)]
    make_endpoints(subjects, programs)
    sys.setswitchinterval(0.0005)  # as in `hasty`: the programs share the interpreter with the writers
    with programs.running():
        hasty = {"DJANGO_SETTINGS_MODULE": "tests.reliability.hasty", "DATABASE_URL": database_url("ondi")}
        workers = Workers({**environment, **hasty})
        try:
            wait_until(lambda: asked(BEGUN), "nobody works")
            began = time.monotonic()
            with ThreadPoolExecutor(1) as beside:
                writing = beside.submit(write, subjects, programs, written)
                moves = do_harm(workers, programs)
                writing.result()
            moves += until_all_is_told(programs)
            replayed = replay_the_dead()
            moves += until_all_is_told(programs)
            took = time.monotonic() - began
        finally:
            workers.end()
    faults = faults_of(programs, written)
    with owner() as database:
        seen = {error or "delivered": number for error, number in database.execute(SEEN)}
    requests, events = programs.requests, len(written.committed)
    return {
        "events": events, "taken back": len(written.taken_back), "unanswered": len(written.unknown),
        "workers killed": KILLS, "database stopped": STOPS, "answers": dict(programs.answers), "recorded": seen,
        "requests an event": round(requests / events, 3), "given up and replayed": replayed,
        "clock moved (min)": moves, "seconds": round(took), "requests a second": round(requests / took),
        "processor of workers (ms a request)": round(workers.seconds * 1000 / requests, 1),
    }, faults  # fmt: skip


def let_calls_out() -> None:
    from ondi.outbox.outgoing import adopt

    adopt("chaos")


def called_on_schedule() -> tuple[dict[str, Any], list[str]]:
    """The long form of `tests/webhooks/test_schedule.py`: many events on the real schedule, the clock moved."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/webhooks/test_schedule.py"]
    settings = {**os.environ, "CALLS_ON_SCHEDULE": str(ON_SCHEDULE)}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    return {"events": ON_SCHEDULE}, [done.stdout[-3000:] + done.stderr[-3000:]] if done.returncode else []


def make_endpoints(subjects: list[Subject], programs: Programs) -> None:
    """Two in each tenant, at a host of its own; by the product's own service."""
    from django.db import connection

    from ondi.accounts.actors import Actor
    from ondi.tenants.scope import tenant_scope
    from ondi.webhooks.services import create_endpoint

    for tenant_id, host in zip(tenants_of(subjects), programs.hosts, strict=True):
        with tenant_scope(tenant_id):
            for kind in KINDS:
                url = f"http://{host}:{programs.port}{path_of(tenant_id, kind)}"
                create_endpoint(actor=Actor.program(tenant_id), values={"url": url, "events": [kind]})
    connection.close()  # the database is to be stopped
    connection.close_pool()


def tenants_of(subjects: list[Subject]) -> list[UUID]:
    return sorted({subject.tenant_id for subject in subjects})


def path_of(tenant_id: UUID, kind: str) -> str:
    return f"/{tenant_id}/{kind}"


def write(subjects: list[Subject], programs: Programs, written: Written) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        for writer in [pool.submit(_write, subjects, programs, written, seed) for seed in range(WRITERS)]:
            writer.result()


def _write(subjects: list[Subject], programs: Programs, written: Written, seed: int) -> None:
    connection, chance = connected(owner), random.Random(seed)
    while len(written.committed) < CALLS:
        while len(written.committed) - len(programs.acknowledged) > AHEAD:
            undisturbed(0.01)
        undisturbed(chance.random() * 2 * WRITERS / RATE)
        subject, kind, tag = chance.choice(subjects), chance.choice(KINDS), uuid4().hex
        if takes_back := chance.random() < 0.1:
            written.taken_back.add(tag)
        kept = written.committed
        try:
            with connection.transaction(force_rollback=takes_back):
                change(connection, subject, kind, tag)
        except psycopg.OperationalError:  # the database alone knows
            connection, kept = connected(owner), written.unknown
        if not takes_back:
            kept[tag] = (subject.tenant_id, kind)
    connection.close()


def change(connection: "psycopg.Connection[Any]", subject: Subject, kind: str, tag: str) -> None:
    (version,) = connection.execute(CHANGE, [subject.id]).fetchone() or (None,)
    said = {"ticket_number": subject.number, "conversation_id": str(subject.conversation_id)}
    data = Jsonb({**said, "before": {}, "after": {"tags": [tag]}})
    connection.execute(ENTRY, [subject.tenant_id, kind, subject.id, version, subject.requester_id, data])


def do_harm(workers: Workers, programs: Programs) -> int:
    """Kill and stop at random moments, evenly over all that is told; how often the clock was moved."""
    moves = 0
    for number in range(KILLS):
        wanted = CALLS * (number + 1) // (KILLS + 2)
        moves += until_at_work(lambda: len(programs.acknowledged) >= wanted, programs)  # noqa: B023
        undisturbed(random.random() / 5)
        workers.kill_one()
        if number * STOPS // KILLS < (number + 1) * STOPS // KILLS:
            stop_database("immediate")
            start_database()
    return moves


def until_all_is_told(programs: Programs) -> int:
    return until_at_work(lambda: not asked(WAITING), programs)


def until_at_work(true: Callable[[], bool], programs: Programs) -> int:
    """Wait, and move the clock on where nobody is called for a while; how often that was."""
    moves, seen, since = 0, programs.requests, time.monotonic()
    while not true():
        undisturbed(0.1)
        if programs.requests > seen:
            seen, since = programs.requests, time.monotonic()
        elif time.monotonic() - since > IDLE:
            with owner() as database, database.transaction():
                database.execute("LOCK TABLE webhooks_delivery IN EXCLUSIVE MODE")  # else it crosses the workers
                database.execute(MOVE_CLOCK)
            moves, since = moves + 1, time.monotonic()
            if moves > MOST_MOVES:
                raise TimeoutError("nothing comes of it")
    return moves


def replay_the_dead() -> int:
    """As their admins would; how many."""
    from ondi.accounts.actors import Actor
    from ondi.tenants.scope import tenant_scope
    from ondi.webhooks.services import replay_dead

    number = 0
    with owner() as database:
        for tenant_id, endpoint_id in database.execute(DEAD).fetchall():
            with tenant_scope(tenant_id):
                number += replay_dead(actor=Actor.program(tenant_id), endpoint_id=endpoint_id)
    return number


def asked(question: str) -> bool:
    with owner() as database:
        return bool(database.execute(question).fetchone()[0])  # type: ignore[index]


def undisturbed(seconds: float) -> None:
    """Let the workers work for so long: harm is done in the midst of it."""
    time.sleep(seconds)


def faults_of(programs: Programs, written: Written) -> list[str]:
    """What was lost, made up, told to the wrong program, under two names, or in too many requests."""
    faults = []
    with owner() as database:
        kept = {
            tag: (tenant_id, position, kind)
            for tenant_id, position, kind, tag in database.execute(EVENTS, [list(KINDS)])
        }
        states = dict(database.execute("SELECT state, count(*) FROM webhooks_delivery GROUP BY 1").fetchall())
        off = database.execute("SELECT count(*) FROM webhooks_endpoint WHERE NOT is_active").fetchone()
        aside = database.execute("SELECT count(*) FROM outbox_setaside").fetchone()
    if lost := written.committed.keys() - kept.keys():
        faults.append(f"{len(lost)} events are lost")
    if made_up := kept.keys() - written.committed.keys() - written.unknown.keys():
        faults.append(f"{len(made_up)} events were never committed")
    expected = {
        (path_of(tenant_id, kind), tag): (tenant_id, position) for tag, (tenant_id, position, kind) in kept.items()
    }
    if never := expected.keys() - programs.acknowledged:
        faults.append(f"{len(never)} were never acknowledged")
    if wrong := programs.called.keys() - expected.keys():
        faults.append(f"{len(wrong)} were told that never happened, or to a program that did not ask")
    for (path, tag), names in programs.names.items():
        tenant_id, position = expected.get((path, tag), (UUID(int=0), 0))
        if names != {f"evt_{tenant_id.hex}_{position}"} or programs.positions[tag] != position:
            faults.append(f"{tag} came under the names {names}")
    if states != {"delivered": len(kept)}:
        faults.append(f"{len(kept)} events, deliveries: {states}")
    if programs.requests > MOST_REQUESTS * len(kept):
        faults.append(f"{programs.requests} requests for {len(kept)} events")
    faults += [f"{number} {what}" for what, (number,) in (("endpoints are off", off), ("set aside", aside)) if number]
    return faults
