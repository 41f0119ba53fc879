"""A copy of all tickets, kept by a program that knows only webhooks and a key, through kills and an hour of absence.

The program is `copy_program`, in a process of its own. Agents and customers work by the product's services, work
processes are killed again and again, the program too; then it is away while an hour passes, and comes back. The clock
is moved by moving back, in the database, every moment by which a call is due. `COPY_TICKETS` sets how many tickets
there are (10,000), `COPY_CHANGES` how much is done to them (twice as much), `COPY_KILLS` how many work processes are
killed (60), `COPY_PROGRAM_KILLS` how often the program is (20), `COPY_STEP` the seconds of five minutes of absence (2),
`COPY_WORKERS` how many work processes there are beside the served one (2).
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from tests.benchmarks.load import load
from tests.reliability.copy_program import Copy
from tests.reliability.mails import start_django
from tests.reliability.product import ROOT, Product, free_port, product, wait_until

TICKETS = int(os.environ.get("COPY_TICKETS", "10000"))
CHANGES = int(os.environ.get("COPY_CHANGES", str(2 * TICKETS)))
KILLS = int(os.environ.get("COPY_KILLS", "60"))
PROGRAM_KILLS = int(os.environ.get("COPY_PROGRAM_KILLS", "20"))
STEP = float(os.environ.get("COPY_STEP", "2"))
WORKERS = int(os.environ.get("COPY_WORKERS", "2"))
WRITERS = 3
HOUR, FIVE_MINUTES = 12, timedelta(minutes=5)
IDLE, GIVES_UP = 0.3, 600.0  # seconds
MOVED = {
    "webhooks_delivery": "next_at = next_at - %(pause)s, leased_until = leased_until - %(pause)s "
    "WHERE state = 'waiting'",
    "webhooks_breaker": "open_until = open_until - %(pause)s",
    "webhooks_endpoint": "failing_since = failing_since - %(pause)s",
}
SENT = """
SELECT NOT EXISTS (SELECT FROM outbox_entry) AND NOT EXISTS (SELECT FROM webhooks_delivery WHERE state = 'waiting')
   AND (SELECT seq FROM outbox_cursor WHERE subscriber = 'webhooks') >= (SELECT COALESCE(max(seq), 0) FROM outbox_event)
"""
DUE_IN = """
SELECT GREATEST((SELECT min(next_at) FROM webhooks_delivery WHERE state = 'waiting'),
                (SELECT max(open_until) FROM webhooks_breaker)) - now()
"""
WAITING = "SELECT count(*) FROM webhooks_delivery WHERE state = 'waiting'"
BEGUN = "SELECT EXISTS (SELECT FROM outbox_cursor WHERE subscriber = 'webhooks')"
CALLED = "SELECT state, count(*), sum(attempts) FROM webhooks_delivery GROUP BY state"
PRIORITIES = ("low", "medium", "high", "urgent")


@dataclass(frozen=True, eq=False)
class Team:
    """Who works, and what with: services are called as they are, and what they refuse is refused."""

    tenant_id: UUID
    agents: Sequence[Any]
    lead: Any
    tags: Sequence[UUID]
    deliveries: dict[UUID, UUID]
    done: "Counter[str]"

    def change(self, ticket_id: UUID, chance: random.Random) -> None:
        """Something of what people do, to this ticket; a closed one is opened again for it."""
        from ondi.common.errors import DomainError
        from ondi.tenants.scope import tenant_scope
        from support.models import Ticket

        name = chance.choice([*self.actions()])
        with tenant_scope(self.tenant_id):
            ticket = Ticket.objects.get(id=ticket_id)
        for each in ([] if ticket.is_open else ["reopen"]) + [name]:
            try:
                with tenant_scope(self.tenant_id):
                    self.actions()[each](ticket, chance)
                self.done[each] += 1
            except DomainError:
                self.done["refused"] += 1

    @cache  # noqa: B019 - there is one team
    def actions(self) -> dict[str, Callable[[Any, random.Random], Any]]:
        from django.utils import timezone

        from conversations.models import Message
        from support import services

        def by(service: Callable[..., Any], **said: Callable[[Any, random.Random], Any]) -> Callable[..., Any]:
            return lambda ticket, chance: service(
                actor=chance.choice(self.agents), ticket_id=ticket.id,
                **{name: make(ticket, chance) for name, make in said.items()},
            )  # fmt: skip

        def take_over(ticket: Any, _chance: random.Random) -> Any:
            return services.take_over_ticket(actor=self.lead, ticket_id=ticket.id, reason="away")

        def assign(ticket: Any, chance: random.Random) -> Any:
            person = chance.choice(self.agents).membership_id
            return services.assign_ticket(actor=self.lead, ticket_id=ticket.id, assignee_id=person)

        def answer(ticket: Any, chance: random.Random) -> Any:
            person = self.person(ticket.assignee_id) if ticket.assignee_id else chance.choice(self.agents)
            return services.post_message(
                actor=person, conversation_id=ticket.conversation_id, content=f"Answer {chance.random()}"
            )

        def ask(ticket: Any, chance: random.Random) -> Any:
            person = self.person(ticket.requester_id)
            return services.post_message(
                actor=person, conversation_id=ticket.conversation_id, content=f"Question {chance.random()}"
            )

        def open_another(ticket: Any, chance: random.Random) -> Any:
            return services.open_ticket(
                actor=self.person(ticket.requester_id), subject=f"New {chance.random()}", message="Where is it?",
                priority="medium", source="customer_portal",
            )  # fmt: skip

        def redact(ticket: Any, chance: random.Random) -> Any:
            said = Message.objects.filter(tenant_id=self.tenant_id, conversation_id=ticket.conversation_id)
            key = chance.choice(list(said.exclude(sender=None).values_list("id", flat=True)))
            return services.redact_ticket_message(actor=self.lead, ticket_id=ticket.id, message_id=key)

        def until(_ticket: Any, chance: random.Random) -> Any:
            return timezone.now() + timedelta(days=chance.randint(1, 30)) if chance.random() < 0.7 else None

        def tag(_ticket: Any, chance: random.Random) -> Any:
            return [chance.choice(self.tags)]

        return {
            "claim": by(services.claim_ticket),
            "release": by(services.release_ticket),
            "assign": assign,
            "take over": take_over,
            "priority": by(services.change_priority, priority=lambda _ticket, chance: chance.choice(PRIORITIES)),
            "tag": by(services.change_tags, add=tag),
            "untag": by(services.change_tags, remove=tag),
            "snooze": by(services.snooze_ticket, until=until),
            "link": by(
                services.change_link, delivery_id=lambda ticket, _chance: self.deliveries.get(ticket.requester_id)
            ),
            "unlink": by(services.change_link),
            "answer": answer,
            "ask": ask,
            "redact": redact,
            "note": by(services.write_note, content=lambda _ticket, _chance: "of no program's concern"),
            "close": by(services.close_ticket),
            "reopen": by(services.reopen_ticket),
            "open": open_another,
        }

    @cache  # noqa: B019
    def person(self, membership_id: UUID) -> Any:
        from ondi.accounts.entering import acting_as
        from ondi.accounts.models import Membership

        people = Membership.objects.select_related("user", "tenant__portal_settings")
        return acting_as(people.get(tenant_id=self.tenant_id, id=membership_id))


@dataclass
class Program:
    """The program's process. What it has stored is in its file."""

    command: list[str]
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, cwd=ROOT)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


def copy_kept() -> tuple[dict[str, Any], list[str]]:
    """The program's copy is what the product's own reads say, of every ticket and message."""
    filled = partial(load, tickets=TICKETS, tenants=1)
    more = {"ONDI_INSTALLATION": "copies", "WEBHOOK_PRIVATE_NETWORKS": "tenant-0=127.0.0.0/8"}
    with product(workers=1, fill=filled, **more) as running, running.owner() as database:
        start_django(running.environment)
        outgoing_from_here()
        wait_until(lambda: first(database, BEGUN), "nobody works")
        folder, port = Path(tempfile.mkdtemp(dir=running.folder)), free_port()
        team, key, secret = made_team(port)
        store = folder / "copy.sqlite3"
        command = [
            sys.executable,
            "-m",
            "tests.reliability.copy_program",
            *map(str, (store, running.url, key, secret, port)),
        ]
        program = Program(command)
        harm = Harm(running, program)
        try:
            program.start()
            harm.work_meanwhile(team, database, CHANGES // 2)
            program.kill()
            hour_without(harm, team, database)
            (waited,) = database.execute(
                "SELECT count(*) FROM webhooks_delivery WHERE state = 'waiting'"
            ).fetchone() or (0,)
            program.start()
            harm.work_meanwhile(team, database, CHANGES // 4)
            kept = Copy(store, running.url, key)
            moved = until_kept(kept, database)
        finally:
            harm.end()
            program.kill()
        fresh = Copy(folder / "fresh.sqlite3", running.url, key)
        fresh.load()
        faults = [*differences(kept, fresh), *faults_of(kept, team)]
        calls = {state: (number, attempts) for state, number, attempts in database.execute(CALLED)}
    if set(calls) != {"delivered"}:
        faults.append(f"calls are {calls}")
    if refused := kept.count("refused"):
        faults.append(f"{refused} calls did not verify")
    if harm.kills < KILLS or harm.program_kills < PROGRAM_KILLS:
        faults.append(f"only {harm.kills} and {harm.program_kills} were killed")
    events, attempts = calls.get("delivered", (0, 0))
    return {
        "tickets": fresh.count("ticket"), "changes": team.done.total() - team.done["refused"],
        "of these": dict(sorted(team.done.items())), "work processes killed": harm.kills,
        "program killed": harm.program_kills, "waiting after the hour": waited, "events": events,
        "calls an event": round(attempts / max(1, events), 2), "minutes until kept": round(moved.total_seconds() / 60),
    }, faults  # fmt: skip


def outgoing_from_here() -> None:
    from django.conf import settings

    from ondi.outbox.outgoing import adopt

    adopt(settings.INSTALLATION)


class Harm:
    """Who is killed while the team works."""

    def __init__(self, running: Product, program: Program) -> None:
        self.running, self.program, self.kills, self.program_kills = running, program, 0, 0
        self.workers = [self._worker() for _number in range(WORKERS)]

    def _worker(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", "work"]
        return subprocess.Popen(command, cwd=ROOT, env=self.running.environment, stderr=subprocess.DEVNULL)

    def kill_a_worker(self) -> None:
        place = random.randrange(len(self.workers))
        self.workers[place].kill()
        self.workers[place].wait()
        self.workers[place] = self._worker()
        self.kills += 1

    def kill_the_program(self) -> None:
        self.program.kill()
        self.program.start()
        self.program_kills += 1

    def work_meanwhile(self, team: Team, database: "psycopg.Connection[Any]", changes: int) -> None:
        """So many changes, and kills meanwhile, also where the work is done before them."""
        wanted, wanted_of_program = self.kills + -(-KILLS // 3), self.program_kills + -(-PROGRAM_KILLS // 2)
        with ThreadPoolExecutor(1) as pool:
            working = pool.submit(work, team, database, changes)
            while self.kills < wanted or self.program_kills < wanted_of_program or not working.done():
                undisturbed(random.random() * 1.5)
                if self.kills < wanted:
                    self.kill_a_worker()
                if self.program_kills < wanted_of_program and random.random() < 0.5:
                    self.kill_the_program()
            working.result()

    def end(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(timeout=60)


def made_team(port: int) -> tuple[Team, str, str]:
    """The tenant's people, tags and deliveries; a key that reads tickets, and a webhook's secret."""
    from ondi.accounts.api_keys import issue_api_key
    from ondi.accounts.entering import acting_as
    from ondi.accounts.models import Membership, Scope
    from ondi.accounts.services import add_member
    from ondi.tenants.models import Tenant
    from ondi.tenants.scope import find_tenants, tenant_scope
    from ondi.webhooks.services import create_endpoint
    from support.models import Tag, Ticket
    from tests.factories import DeliveryFactory

    (tenant_id,) = find_tenants().values()
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(id=tenant_id)
        everybody = Membership.objects.select_related("user", "tenant__portal_settings")
        agents = [acting_as(one) for one in everybody.filter(role="agent")]
        lead, admin = (
            acting_as(everybody.get(id=add_member(
                tenant_id=tenant_id, email=f"{role}@copies.example", first_name=role, role=role,
                is_support_user=role == "lead",
            ).id))
            for role in ("lead", "admin")
        )  # fmt: skip
        tags = [Tag.objects.create(tenant=tenant, name=f"tag {number}").id for number in range(5)]
        people = Ticket.objects.values_list("requester_id", flat=True).distinct()[:300]
        requesters = Membership.objects.filter(id__in=people)
        deliveries = {one.id: DeliveryFactory(tenant=tenant, customer=one).id for one in requesters}
        _key, text = issue_api_key(tenant_id=tenant_id, name="copy", scopes=[Scope.TICKETS_READ])
        values = {"url": f"http://127.0.0.1:{port}/hook", "events": ["*"]}
        _endpoint, secret = create_endpoint(actor=admin, values=values)
    return Team(tenant_id, agents, lead, tags, deliveries, Counter()), text, secret


def work(team: Team, database: "psycopg.Connection[Any]", changes: int) -> None:
    """So many changes, of each ticket about as often."""
    from django.db import connection

    keys = [key for (key,) in database.execute("SELECT id FROM support_ticket ORDER BY random()").fetchall()]

    def do(number: int) -> None:
        chance = random.Random(random.random())
        try:
            for place in range(number, changes, WRITERS):
                team.change(keys[place % len(keys)], chance)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        for writer in [pool.submit(do, number) for number in range(WRITERS)]:
            writer.result()


def hour_without(harm: Harm, team: Team, database: "psycopg.Connection[Any]") -> None:
    """Nobody answers, and the team works on."""
    before = harm.kills
    for step in range(1, HOUR + 1):
        work(team, database, max(1, CHANGES // 4 // HOUR))
        while harm.kills - before < KILLS * step // (3 * HOUR):
            undisturbed(random.random())
            harm.kill_a_worker()
        undisturbed(STEP)
        move_clock(database, FIVE_MINUTES)


def until_kept(kept: Copy, database: "psycopg.Connection[Any]") -> timedelta:
    """Until all is told and read. Where nobody has anything to do, time passes until somebody has; how much did."""
    moved, seen, since, began = timedelta(), -1, time.monotonic(), time.monotonic()
    while not (first(database, SENT) and not kept.count("unread")):
        if time.monotonic() - began > GIVES_UP:
            raise TimeoutError("the copy does not come up")
        undisturbed(0.05)
        now = first(database, "SELECT sum(attempts) FROM webhooks_delivery")
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > IDLE:
            pause = max(first(database, DUE_IN) or timedelta(), timedelta())
            move_clock(database, pause)
            moved, since = moved + pause, time.monotonic()
    return moved


def move_clock(database: "psycopg.Connection[Any]", pause: timedelta) -> None:
    for table, moved in MOVED.items():
        with database.transaction():
            database.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")  # else it crosses the workers
            database.execute(f"UPDATE {table} SET {moved}", {"pause": pause})


def differences(kept: Copy, fresh: Copy) -> list[str]:
    """Where the copy is not what the program would read now."""
    truth = {ticket["id"]: (ticket, messages) for ticket, messages in fresh.contents()}
    found, faults = set(), []
    for ticket, messages in kept.contents():
        found.add(ticket["id"])
        now, said = truth.get(ticket["id"], ({}, []))
        faults += [
            f"{name} of {ticket['id']} is {ticket.get(name)!r}, not {now.get(name)!r}"
            for name in ticket.keys() | now.keys()
            if ticket.get(name) != now.get(name)
        ]
        if messages != said:
            faults.append(f"the messages of {ticket['id']} differ")
    return [*faults, *(f"there is no {key}" for key in truth.keys() - found)]


def faults_of(kept: Copy, team: Team) -> list[str]:
    """Where the copy is not what stands in the database."""
    from conversations.models import Message
    from ondi.common.times import iso
    from ondi.tenants.scope import tenant_scope
    from support.models import Ticket, TicketTag

    with tenant_scope(team.tenant_id):
        tags: dict[UUID, set[str]] = defaultdict(set)
        for ticket_id, name in TicketTag.objects.values_list("ticket_id", "tag__name"):
            tags[ticket_id].add(name)
        said: dict[UUID, dict[str, Any]] = defaultdict(dict)
        for message in Message.objects.all():
            said[message.conversation_id][str(message.id)] = message.event or message.content
        truth = {
            str(one.id): {
                "status": one.status, "priority": one.priority, "version": one.version, "tags": tags[one.id],
                "assignee": one.assignee and str(one.assignee.user_id),
                "delivery": one.delivery_id and str(one.delivery_id),
                "snooze": iso(one.snoozed_until) if one.is_open else None, "messages": said[one.conversation_id],
            }
            for one in Ticket.objects.select_related("assignee")
        }  # fmt: skip
    copied = {ticket["id"]: in_short(ticket, messages) for ticket, messages in kept.contents()}
    if len(copied) != len(truth):
        return [f"{len(copied)} tickets instead of {len(truth)}"]
    return [
        f"{name} of {key} is {copied[key][name]!r}, and {value!r} in the database"
        for key, one in truth.items()
        for name, value in one.items()
        if copied[key][name] != value
    ]


def in_short(ticket: dict[str, Any], messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "status": ticket["status"], "priority": ticket["priority"], "version": ticket["version"],
        "tags": set(ticket["tags"]), "assignee": ticket["assigned_to_user"] and ticket["assigned_to_user"]["id"],
        "delivery": ticket["related_delivery_id"], "snooze": ticket["snoozed_until"],
        "messages": {one["id"]: one["event"] or one["content"] for one in messages},
    }  # fmt: skip


def first(database: "psycopg.Connection[Any]", query: str) -> Any:
    return (database.execute(query).fetchone() or [None])[0]


def undisturbed(seconds: float) -> None:
    """Let everybody work for so long: harm is done in the midst of it."""
    time.sleep(seconds)
