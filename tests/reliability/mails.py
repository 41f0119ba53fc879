"""The mail server away for an hour, with mails waiting, people who read meanwhile, and workers that are killed.

The clock is moved by moving back, in the database, every moment by which a mail is due, twelve times five minutes:
the processes are the product's own, and live in real time. `CHAOS_MAILS` sets how many mails wait (10,000),
`CHAOS_MAIL_KILLS` how many workers are killed (50), `CHAOS_MAIL_STEP` how many seconds the server is away a step (13),
`CHAOS_MAIL_IDLE` after how many seconds without a mail the clock is moved (3).
"""

import asyncio
import logging
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from email import message_from_bytes
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.benchmarks.load import load
from tests.reliability.product import ROOT, free_port, manage, owner, prepared, wait_until

MAILS = int(os.environ.get("CHAOS_MAILS", "10000"))
KILLS = int(os.environ.get("CHAOS_MAIL_KILLS", "50"))
STEP = float(os.environ.get("CHAOS_MAIL_STEP", "13"))  # more than the ten seconds that a worker waits for an answer
TROUBLE = ("refuses", "hangs", "dies") * 4
WORKERS = 2
IN_HAND = 12.0  # seconds from judging a mail to the server's yes
IDLE = float(os.environ.get("CHAOS_MAIL_IDLE", "3"))
MOST_MOVES = 20
# A step is half a lease, so that no step ends the lease of who is at work; of one table at a time, held as a whole, so
# that nobody waits for us who holds what we wait for.
MOVES = {
    "notifications_mail": ("created_at", "next_at"),
    "notifications_dispatch": ("due_at",),
    "notifications_notification": ("created_at", "shown_at"),
}
PEOPLE = """
SELECT person.email, ticket.tenant_id, ticket.requester_id, ticket.conversation_id, ticket.id, ticket.number
FROM support_ticket AS ticket JOIN accounts_membership AS person ON person.id = ticket.requester_id ORDER BY ticket.id
"""
LEFT = """
SELECT (SELECT count(*) FROM notifications_mail WHERE state = 'waiting')
     + (SELECT count(*) FROM notifications_dispatch WHERE channel = 'email' AND state IN ('waiting', 'in_mail'))
"""
WAITING = "SELECT count(*) FROM notifications_mail WHERE state = 'waiting'"
OUTCOMES = "SELECT state, reason, count(*) FROM notifications_mail GROUP BY 1, 2 ORDER BY 1, 2"


class Person(NamedTuple):
    email: str
    tenant_id: UUID
    membership_id: UUID
    conversation_id: UUID
    ticket_id: UUID
    number: int


class Taken(NamedTuple):
    at: float
    to: str
    name: str


class Ledger:
    """What the server took, in order. `unheard`: mails whose yes nobody heard, or whose hearer was killed then."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.unheard: Counter[str] = Counter()


class Worker:
    """A work process of the product, and the door of the mail server that it alone uses.

    `mood`: what comes of a mail: taken, or one of the troubles. `dies_next`: killed with the next mail that is taken.
    """

    def __init__(self, environment: dict[str, str], ledger: Ledger) -> None:
        self.ledger, self.mood, self.last, self.number = ledger, "takes", "", 0
        self.dies_next = False
        self._port = free_port()
        self._door: Controller | None = None
        self._environment = {**environment, "EMAIL_URL": f"smtp://127.0.0.1:{self._port}"}
        self.open()
        self.start()

    def start(self) -> None:
        command = [sys.executable, "manage.py", "work"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """`kill -9`: of all that was taken from it, it can have left only the last unrecorded."""
        self.process.kill()
        self.ledger.unheard[self.last] += 1

    def killed(self) -> None:
        self.process.wait(timeout=60)
        self.start()

    def open(self) -> None:
        if self._door is None:
            self._door = Controller(self, hostname="127.0.0.1", port=self._port)
            self._door.start()

    def close(self) -> None:
        if self._door is not None:
            self._door.stop()
            self._door = None

    def be(self, mood: str) -> None:
        self.mood = mood
        if mood == "refuses":
            self.close()
        else:
            self.open()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if random.random() < 0.3:
            await self._trouble(server)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        mood = self.mood
        if random.random() < 0.5:
            await self._trouble(server)
        name = str(message_from_bytes(envelope.content or b"")["Message-ID"])
        self.ledger.taken.append(Taken(time.monotonic(), envelope.rcpt_tos[0], name))
        self.last = name
        self.number += 1
        if self.dies_next:
            self.dies_next = False
            if random.random() < 0.5:
                self.kill()
            else:  # hears the yes, and is about to record it
                asyncio.get_running_loop().call_later(random.random() / 200, self.kill)
        elif mood == "hangs" or (mood == "dies" and random.random() < 0.5):
            self.ledger.unheard[name] += 1
            await self._trouble(server)
        return "250 OK"

    async def _trouble(self, server: SMTP) -> None:
        if self.mood == "hangs":
            await asyncio.sleep(600)
        if self.mood == "dies":
            server.transport.abort()
            raise ConnectionAbortedError


class Reader:
    """People who read the answer in the portal, by the product's own service."""

    def __init__(self, people: list[Person]) -> None:
        self.waiting, self.read_at = people, dict[str, float]()

    def read(self, number: int) -> None:
        from conversations.services import mark_read
        from ondi.tenants.scope import tenant_scope

        for one in self.waiting[:number]:
            with tenant_scope(one.tenant_id):
                mark_read(
                    tenant_id=one.tenant_id, membership_id=one.membership_id, conversation_id=one.conversation_id,
                    sequence=2,
                )  # fmt: skip
            self.read_at[one.email] = time.monotonic()
        self.waiting = self.waiting[number:]


def server_away() -> tuple[dict[str, Any], list[str]]:
    """All are mailed once after, none who read meanwhile; again, under its name, only what a killed one had sent."""
    _home, environment = prepared(ONDI_INSTALLATION="chaos", EMAIL_URL="smtp://127.0.0.1:1")
    manage(environment, "outgoing", "adopt")
    load(tickets=MAILS, tenants=max(2, MAILS // 500))
    start_django(environment)
    ledger = Ledger()
    with owner() as database:
        database.execute("UPDATE conversations_participant SET last_read_sequence = 0 WHERE role = 'customer'")
        people = [Person(*row) for row in database.execute(PEOPLE)]
        tell_all(people)
        reader = Reader(random.sample(people, MAILS // 5))
        workers = [Worker(environment, ledger) for _number in range(WORKERS)]
        try:
            kills = hour_without(workers, database, reader)
            (waited,) = database.execute(WAITING).fetchone() or (0,)
            before, began = len(ledger.taken), time.monotonic()
            kills += deliver(workers, database, reader, KILLS - kills)
            until_at_work(lambda: nothing_waits(database), ledger, database)
            took = time.monotonic() - began
        finally:
            for worker in workers:
                worker.process.terminate()
                worker.process.wait(timeout=60)
                worker.close()
        faults = faults_of(ledger, people, reader)
        outcomes = {f"{state} {why}".strip(): number for state, why, number in database.execute(OUTCOMES)}
    if kills < KILLS:
        faults.append(f"only {kills} were killed")
    if waited < MAILS // 2:
        faults.append(f"only {waited} mails had to wait")
    names = Counter(one.name for one in ledger.taken)
    return {
        "people to mail": len(people), "mails waiting after an hour": waited, "workers killed": kills,
        "read meanwhile": len(reader.read_at), "taken": len(ledger.taken), "of these in the hour": before,
        "different": len(names), "again": names.total() - len(names), "unheard yes": ledger.unheard.total(),
        "mails": outcomes, "delivered in (s)": round(took),
    }, faults  # fmt: skip


def start_django(environment: dict[str, str]) -> None:
    import django

    os.environ |= {**environment, "DJANGO_SETTINGS_MODULE": "ondi.settings"}
    django.setup()
    logging.getLogger("mail.log").disabled = True  # the server's own, of every connection that it breaks


def tell_all(people: list[Person]) -> None:
    """Each of an answer, three minutes ago; every fifth of the opening too, which is the same mail."""
    from datetime import timedelta

    from django.utils import timezone

    from ondi.notifications.models import Notification
    from ondi.notifications.services import tell
    from ondi.tenants.scope import tenant_scope
    from support import notices

    at, of_tenants = timezone.now() - timedelta(minutes=3), defaultdict(list)
    for place, one in enumerate(people):
        for sequence, kind in [(1, notices.OPENED)] * (place % 5 == 0) + [(2, notices.REPLY)]:
            of_tenants[one.tenant_id].append(
                Notification(
                    tenant_id=one.tenant_id, membership_id=one.membership_id, notification_type=kind,
                    position=2 * place + sequence, subject_id=one.ticket_id, conversation_id=one.conversation_id,
                    sequence=sequence, data={"number": one.number}, created_at=at, shown_at=at,
                )
            )  # fmt: skip
    for tenant_id, notifications in of_tenants.items():
        with tenant_scope(tenant_id):
            tell(notifications)


def hour_without(workers: list[Worker], database: "psycopg.Connection[Any]", reader: Reader) -> int:
    """Trouble after trouble, while people read and workers are killed at random moments; how many."""
    kills = 0
    for worker in workers:
        worker.be("refuses")
    wait_until(lambda: database.execute(WAITING).fetchone()[0], "nobody works")  # type: ignore[index]
    for step, mood in enumerate(TROUBLE):
        for worker in workers:
            worker.be(mood)
        reader.read(MAILS // 75)
        for _kill in range(KILLS * (step + 1) // 24 - kills):
            undisturbed(random.random() * STEP / 4)
            kills += kill_one(random.choice(workers))
        undisturbed(STEP)
        move_clock(database)
    return kills


def deliver(workers: list[Worker], database: "psycopg.Connection[Any]", reader: Reader, kills: int) -> int:
    """The server takes again; workers are killed in the midst of it, every second with a yes on its lips."""
    for worker in workers:
        worker.be("takes")
    reading = threading.Thread(target=reader.read, args=(len(reader.waiting),))
    reading.start()
    done = 0
    for number in range(kills):
        worker = workers[number % len(workers)]
        wanted = worker.number + max(1, MAILS // (3 * kills))
        # The other one may have been quicker, and have left it nothing.
        until_at_work(lambda: worker.number >= wanted or nothing_waits(database), worker.ledger, database)  # noqa: B023
        worker.dies_next = not number % 2
        if worker.dies_next:
            until_at_work(lambda: is_over(worker) or nothing_waits(database), worker.ledger, database)  # noqa: B023
        worker.dies_next = False
        done += kill_one(worker)
    reading.join()
    return done


def until_at_work(true: Callable[[], bool], ledger: Ledger, database: "psycopg.Connection[Any]") -> int:
    """Wait, and let time pass where nobody has anything to do: a lease is to end then; how often that was."""
    moves, seen, since = 0, len(ledger.taken), time.monotonic()
    while not true():
        undisturbed(0.05)
        if len(ledger.taken) > seen:
            seen, since = len(ledger.taken), time.monotonic()
        elif time.monotonic() - since > IDLE:
            move_clock(database)
            moves, since = moves + 1, time.monotonic()
            if moves > MOST_MOVES:
                raise TimeoutError("nothing comes of it")
    return moves


def is_over(worker: Worker) -> bool:
    return worker.process.poll() is not None


def kill_one(worker: Worker) -> int:
    """Unless its last mail did."""
    if not is_over(worker):
        worker.kill()
    worker.killed()
    return 1


def nothing_waits(database: "psycopg.Connection[Any]") -> bool:
    return not database.execute(LEFT).fetchone()[0]  # type: ignore[index]


def move_clock(database: "psycopg.Connection[Any]") -> None:
    for table, moments in MOVES.items():
        earlier = ", ".join(f"{moment} = {moment} - interval '5 min'" for moment in moments)
        with database.transaction():
            database.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            database.execute(f"UPDATE {table} SET {earlier}")


def undisturbed(seconds: float) -> None:
    """Let the workers work for so long: harm is done in the midst of it."""
    time.sleep(seconds)


def faults_of(ledger: Ledger, people: list[Person], reader: Reader) -> list[str]:
    """Who got none, or two; who got one after they had read it; what came again without a reason."""
    got: dict[str, set[str]] = defaultdict(set)
    faults = []
    for one in ledger.taken:
        got[one.to].add(one.name)
        if one.at > reader.read_at.get(one.to, float("inf")) + IN_HAND:
            faults.append(f"{one.to} was mailed {one.at - reader.read_at[one.to]:.0f} s after they had read it")
    faults += [f"{one.email} got no mail" for one in people if one.email not in reader.read_at and not got[one.email]]
    faults += [f"{to} got {len(names)} mails" for to, names in got.items() if len(names) > 1]
    for name, times in Counter(one.name for one in ledger.taken).items():
        if times - 1 > ledger.unheard[name]:
            faults.append(f"{name} came {times} times, unheard {ledger.unheard[name]} times")
    return faults
