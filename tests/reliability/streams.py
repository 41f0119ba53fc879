"""1,000 clients of the stream in 50 tenants, cut at random, its process killed, the database stopped.

Each client keeps what it was sent; in the end the table of events says what that had to be, by the contract's words and
not by the product's code. `CHAOS_STREAM_SECONDS` sets how long (1200), `CHAOS_STREAM_TENANTS` (50) and
`CHAOS_STREAM_PEOPLE` (20 in each) how many, `CHAOS_STREAM_RATE` the events a second (100), `CHAOS_STREAM_KILLS` (20)
and `CHAOS_STREAM_STOPS` (5) how much harm, `CHAOS_STREAM_CUT` after how many seconds a client is cut (15, on average).
The short form is `tests/streaming/test_faults.py::test_fifty_clients_…`, with the same process and fewer of all.
"""

import asyncio
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import orjson
import psycopg
from psycopg.types.json import Jsonb

from tests.reliability.events import connected
from tests.reliability.product import (
    ROOT,
    free_port,
    listens,
    manage,
    owner,
    prepared,
    start_database,
    stop_database,
    wait_until,
)

SECONDS = float(os.environ.get("CHAOS_STREAM_SECONDS", "1200"))
TENANTS = int(os.environ.get("CHAOS_STREAM_TENANTS", "50"))
PEOPLE = int(os.environ.get("CHAOS_STREAM_PEOPLE", "20"))
RATE = int(os.environ.get("CHAOS_STREAM_RATE", "100"))
KILLS = int(os.environ.get("CHAOS_STREAM_KILLS", "20"))
STOPS = int(os.environ.get("CHAOS_STREAM_STOPS", "5"))
CUT = float(os.environ.get("CHAOS_STREAM_CUT", "15"))
WRITERS = 4
CATCHES_UP = 120.0  # seconds, with the clients cut as before
# One in five serves all of their tenant; the tokens last longer than the run.
POPULATE = """
import json
from datetime import timedelta
from ondi.accounts.services import add_member
from ondi.accounts.sessions import begin_session
from ondi.accounts.tokens import OurAccessToken
from ondi.tenants.scope import tenant_scope
from ondi.tenants.services import create_tenant
found = []
for number in range({tenants}):
    tenant = create_tenant(slug=f"tenant-{{number}}", name=f"Tenant {{number}}")
    for place in range({people}):
        agent = place % 5 == 0
        with tenant_scope(tenant.id):
            member = add_member(tenant_id=tenant.id, email=f"p{{place}}@t{{number}}.example", first_name="Sara",
                                role="agent" if agent else "customer", is_support_user=agent)
        token = OurAccessToken(begin_session(user_id=member.user_id, tenant_id=tenant.id).access_token)
        token.set_exp(lifetime=timedelta(hours=5))
        found.append([str(tenant.id), str(member.id), agent, str(token)])
print(json.dumps(found))
"""
ENTRY = """
INSERT INTO outbox_entry (tenant_id, kind, subject_id, version, person_id, data, is_silent, cause, at)
VALUES (%s, %s, %s, 1, %s, %s, false, '', now())
"""
# What customers hear of their own tickets, and as what; the others are for support users alone.
FOR_CUSTOMERS = {
    "message.created": "message.created", "message.redacted": "message.redacted", "ticket.closed": "ticket.closed",
    "ticket.reopened": "ticket.reopened", "ticket.priority_changed": "ticket.priority_changed",
    "ticket.claimed": "ticket.assigned", "ticket.released": "ticket.assigned",
}  # fmt: skip
KINDS = (*FOR_CUSTOMERS, "note.created", "ticket.tags_changed", "ticket.snoozed")
EMPTY = "SELECT NOT EXISTS (SELECT FROM outbox_entry)"
EVENTS = "SELECT tenant_id, position, kind, subject_id, person_id FROM outbox_event ORDER BY tenant_id, position"


class Person(NamedTuple):
    tenant_id: UUID
    id: UUID
    is_agent: bool
    token: str


class Told(NamedTuple):
    position: int
    event: str
    ticket: str


class Streaming:
    """`manage.py work` and `manage.py stream` on a private database with people in it. `log`: what they write."""

    def __init__(self, environment: dict[str, str], people: list[Person], log: Path) -> None:
        self.environment, self.people, self.log, self.port = environment, people, log, free_port()
        self.work = self._run("work")
        self.start()

    def start(self) -> None:
        self.process = self._run("stream", "--port", str(self.port))
        wait_until(lambda: listens(self.port) or self.process.poll() is not None, "the stream is not up")

    def _run(self, *command: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", *command], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def streaming(*, tenants: int, people: int, **more: str) -> Iterator[Streaming]:
    """Start both, filled with people; stop everything at the end. `more`: settings from the environment."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    home, environment = prepared(**more)
    script = POPULATE.format(tenants=tenants, people=people)
    found = json.loads(manage(environment, "shell", "--no-imports", "-c", script).splitlines()[-1])
    everybody = [Person(UUID(tenant), UUID(member), is_agent, token) for tenant, member, is_agent, token in found]
    running = Streaming(environment, everybody, home / "programs.log")
    try:
        yield running
    finally:
        for process in (running.process, running.work):
            process.terminate()
            process.wait(30)


class Client:
    """A portal's page on one connection after the other: it comes back with its last position, and drops nothing.

    `told`: what it was sent, in order. `begun`: where the first hello said it stood. `cut`: after how many seconds a
    connection is cut, on the average; None: never.
    """

    def __init__(self, port: int, person: Person, seed: int = 0, cut: float | None = None) -> None:
        self.port, self.person, self.chance, self.cut = port, person, random.Random(seed), cut
        self.told: list[Told] = []
        self.begun: int | None = None
        self.position = 0
        self.seen: Counter[str] = Counter()
        self.faults: list[str] = []
        self.pause = 3.0  # seconds at most before it comes back
        self.vanished: deque[asyncio.StreamWriter] = deque(maxlen=2)

    async def follow(self) -> None:
        """Until it is canceled."""
        while True:
            with suppress(OSError, EOFError, TimeoutError):
                async with asyncio.timeout(self.cut and self.chance.expovariate(1 / self.cut)):
                    await self._listen()
            self.seen["ends"] += 1
            await asyncio.sleep(self.chance.random() * self.pause)

    async def _listen(self) -> None:
        """One connection: until it ends, is cut, or has given so many bytes that it is hung up on within a line."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            after, header = "", ""
            if self.begun is not None:
                after, header = self.chance.choice(
                    [(f"?after={self.position}", ""), ("", f"Last-Event-ID: {self.position}\r\n")]
                )
            writer.write(
                f"GET /messaging/stream{after} HTTP/1.1\r\nHost: localhost\r\n{header}"
                f"Authorization: Bearer {self.person.token}\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split()[1])
            self.seen[str(status)] += 1
            if status == 200:
                await self._read(reader, self.chance.randrange(6_000) if self.cut else None)
            elif status != 503 or b"retry-after" not in head:
                self.faults.append(f"{status}: {head!r}")
        finally:
            self._leave(writer)

    async def _read(self, reader: asyncio.StreamReader, most: int | None) -> None:
        text, size = b"", 0
        while count := int(await reader.readuntil(b"\r\n"), 16):
            piece = (await reader.readexactly(count + 2))[:-2]
            size += count
            if is_cut := most is not None and size > most:
                piece = piece[: most - size]
            *blocks, text = (text + piece).split(b"\n\n")
            for block in blocks:
                self._take(block)
            if is_cut:
                return

    def _take(self, block: bytes) -> None:
        said = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
        event, position = said.get("event"), int(said.get("id", -1))
        if event is None:
            self.seen["beats"] += 1
        elif event == "hello":
            if self.begun is None:
                self.begun = self.position = position
            elif position != self.position:
                self.faults.append(f"came at {self.position}, greeted at {position}")
        elif position < 0 or event == "reset":
            self.faults.append(f"{event} {said['data']}")
        else:
            self.position = position
            self.hear(Told(position, event, orjson.loads(said["data"])["ticket_id"]))

    def hear(self, one: Told) -> None:
        self.told.append(one)

    def _leave(self, writer: asyncio.StreamWriter) -> None:
        """Hang up; or say good-bye; or just be gone, without the other side hearing of it."""
        how = self.chance.random()
        if self.cut and how < 0.05:
            if len(self.vanished) == self.vanished.maxlen:
                self.vanished[0].transport.abort()
            self.vanished.append(writer)
        elif how < 0.5:
            writer.transport.abort()
        else:
            writer.close()


class Writers:
    """So many events a second, some of them taken back. `written`: tickets of those committed, and when."""

    def __init__(self, people: Sequence[Person], rate: int) -> None:
        self.people, self.rate = people, rate
        self.written: dict[str, float] = {}
        self.taken_back: set[str] = set()
        self.over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_of: Any) -> None:
        self.end()

    def end(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def _write(self, seed: int) -> None:
        chance, line, begun = random.Random(seed), connected(owner), time.monotonic()
        for turn in itertools.count():
            if self.over.wait(max(0.0, begun + turn * WRITERS / self.rate - time.monotonic())):
                line.close()
                return
            person, ticket, is_taken_back = chance.choice(self.people), uuid4(), chance.random() < 0.1
            whose = person.id if chance.random() < 0.9 else None
            try:
                with line.transaction(force_rollback=is_taken_back):
                    line.execute(
                        ENTRY, [person.tenant_id, chance.choice(KINDS), ticket, whose, Jsonb({"ticket_number": 1})]
                    )
                    time.sleep(chance.random() * 0.01)  # so that they commit in another order
            except psycopg.OperationalError:
                line = connected(owner)
                continue
            if is_taken_back:
                self.taken_back.add(str(ticket))
            else:
                self.written[str(ticket)] = time.monotonic()


class Truth:
    """What the table of events holds."""

    def __init__(self) -> None:
        self.of_tenants: defaultdict[UUID, list[tuple[int, str, str, UUID | None]]] = defaultdict(list)
        with owner() as reader:
            wait_until(lambda: reader.execute(EMPTY).fetchone()[0], "the relay does not come through")
            for tenant_id, position, kind, ticket, person_id in reader.execute(EVENTS):
                self.of_tenants[tenant_id].append((position, kind, str(ticket), person_id))
        self.tickets = {ticket for events in self.of_tenants.values() for _position, _kind, ticket, _person in events}

    def of(self, client: Client) -> list[Told]:
        """What a client has to be told."""
        return [
            Told(position, event, ticket)
            for position, kind, ticket, whose in self.of_tenants[client.person.tenant_id]
            if position > (client.begun or 0) and (event := _told_as(kind, client.person, whose))
        ]


def _told_as(kind: str, person: Person, whose: UUID | None) -> str | None:
    if whose == person.id:
        return FOR_CUSTOMERS.get(kind)
    return kind if person.is_agent else None


def clients_cut() -> tuple[dict[str, Any], list[str]]:
    """The scenario "streams cut": its figures, and what was wrong."""
    with streaming(tenants=TENANTS, people=PEOPLE) as running:
        clients = [Client(running.port, person, seed, CUT) for seed, person in enumerate(running.people)]
        writers, harm = Writers(running.people, RATE), Harm(running)
        truth, seconds, broken = asyncio.run(_live(clients, writers, harm))
    seen = sum((client.seen for client in clients), Counter[str]())
    faults = [*broken, *harm.faults, *(fault for client in clients for fault in _faults_of(client, truth.of(client)))]
    if lost := writers.written.keys() - truth.tickets:
        faults.append(f"{len(lost)} committed events are lost")
    if made_up := writers.taken_back & truth.tickets:
        faults.append(f"{len(made_up)} events were taken back")
    return {
        "clients": len(clients), "events": len(truth.tickets), "told": sum(len(client.told) for client in clients),
        "connections": {what: seen[what] for what in sorted(seen)}, **harm.done, "caught up (s)": round(seconds, 1),
    }, faults  # fmt: skip


async def _live(clients: list[Client], writers: Writers, harm: "Harm") -> tuple[Truth, float, list[str]]:
    """Clients, writers and harm side by side, then until everybody has what is theirs: the truth, how long that took,
    and what broke."""
    following = [asyncio.create_task(client.follow()) for client in clients]
    with writers:
        await asyncio.to_thread(harm.do)
    begun = time.monotonic()
    truth = await asyncio.to_thread(Truth)
    missing = clients
    while missing and time.monotonic() - begun < CATCHES_UP:
        await asyncio.sleep(0.2)
        missing = [one for one in missing if one.begun is None or len(one.told) < len(truth.of(one))]
    seconds = time.monotonic() - begun
    await asyncio.sleep(2)  # for what would come twice
    for task in following:
        task.cancel()
    ended = await asyncio.gather(*following, return_exceptions=True)
    return truth, seconds, [repr(one) for one in ended if not isinstance(one, asyncio.CancelledError)]


class Harm:
    """The process killed and the database stopped, at random moments of the run."""

    def __init__(self, running: Streaming) -> None:
        self.running, self.done, self.faults = running, Counter[str](), list[str]()

    def do(self) -> None:
        begun = time.monotonic()
        plan = [(random.random() * SECONDS, self._kill) for _one in range(KILLS)]
        plan += [(random.random() * SECONDS, self._stop) for _one in range(STOPS)]
        for moment, harm in sorted(plan, key=lambda one: one[0]):
            time.sleep(max(0.0, begun + moment - time.monotonic()))  # of the load
            harm()
        time.sleep(max(0.0, begun + SECONDS - time.monotonic()))

    def _kill(self) -> None:
        if self.running.process.poll() is not None:
            self.faults.append(f"the stream ended by itself: {self.running.log.read_text()[-2000:]}")
        self.running.kill()
        time.sleep(random.random() * 3)
        self.running.start()
        self.done["processes killed"] += 1

    def _stop(self) -> None:
        stop_database(random.choice(["fast", "immediate"]))
        time.sleep(random.random() * 3)
        start_database()
        self.done["stops"] += 1


def _faults_of(client: Client, wanted: list[Told]) -> Iterator[str]:
    who = f"{'agent' if client.person.is_agent else 'customer'} {client.person.id}"
    yield from (f"{who}: {fault}" for fault in client.faults)
    if client.begun is None:
        yield f"{who} never came in"
    if client.told != wanted:
        told, due = set(client.told), set(wanted)
        yield (
            f"{who}: {len(due - told)} missing, {len(told - due)} foreign, {len(client.told) - len(told)} doubled, "
            f"in order: {client.told == sorted(client.told)}"
        )
