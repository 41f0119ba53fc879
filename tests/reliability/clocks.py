"""Promises that get near, are due and are answered while the work processes are killed: each is told of once.

A ticket is opened so long ago that its warning, or its due time, falls into the trial. `CHAOS_CLOCK_KILLS` sets how
many work processes are killed (200), `CHAOS_CLOCK_TICKETS` how many tickets there are (400).
"""

import os
import random
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.reliability.product import manage, owner, prepared, wait_until
from tests.reliability.webhooks import Workers, start_django

KILLS = int(os.environ.get("CHAOS_CLOCK_KILLS", "200"))
TICKETS = int(os.environ.get("CHAOS_CLOCK_TICKETS", "400"))
A_KILL = 2.0  # seconds from one to the next: a process has only just begun to work, or works
BEGINS = float(
    os.environ.get("CHAOS_CLOCK_BEGINS", "20")
)  # seconds until the first falls due, so that it is taken up before
TENANTS, TARGET, WARN = 3, timedelta(minutes=60), timedelta(minutes=48)
LEFT = "SELECT count(*) FROM support_ticket WHERE attend_at <= now()"
BEHIND = "SELECT count(*) FROM outbox_cursor WHERE seq < (SELECT seq FROM outbox_head)"
TOLD = "SELECT subject_id::text, kind, count(*) FROM outbox_event WHERE kind LIKE 'sla.%' GROUP BY 1, 2"
NOTIFIED = """
SELECT subject_id::text, notification_type, count(*) FROM notifications_notification
WHERE notification_type LIKE 'sla_%' GROUP BY 1, 2
"""
Figures = dict[str, Any]


def killed_while_due() -> tuple[Figures, list[str]]:
    """`kill -9` of work processes while clocks run out."""
    _home, environment = prepared(ONDI_INSTALLATION="chaos")
    start_django(environment)
    lasts = KILLS * A_KILL
    wanted, last_due = tickets_for(lasts), time.monotonic() + BEGINS + lasts
    workers, killed = Workers(environment), 0
    try:
        for _kill in range(KILLS):
            time.sleep(A_KILL * (0.5 + random.random()))
            workers.kill_one()
            killed += 1
        wait_until(lambda: time.monotonic() > last_due and is_settled(), "clocks are not kept", BEGINS + 120)
    finally:
        workers.end()
    found = [*differences(wanted, TOLD, "event"), *differences(in_types(wanted), NOTIFIED, "notification")]
    manage(environment, "doctor")
    return {"work processes killed": killed, "tickets": TICKETS, "told of": sum(map(len, wanted.values()))}, found


def tickets_for(seconds: float) -> dict[str, set[str]]:
    """Tickets whose warning or due time falls into the next seconds, a third of them answered; what is told of each."""
    from ondi.outbox.relay import relay_all
    from ondi.outbox.subscribers import subscribers, take_turn
    from ondi.tenants.scope import tenant_scope
    from support.services import claim_ticket, post_message
    from support.workers import clocks
    from tests.factories import MemberFactory, TenantFactory, actor, make_promise, make_ticket

    wanted: dict[str, set[str]] = {}
    now, pairs = timezone.now(), []
    for number in range(TENANTS):
        tenant = TenantFactory(slug=f"shop-{number}")
        people = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, lead=True)
        make_promise(make_ticket(people[0]), first_response=TARGET // timedelta(minutes=1))
        pairs.append((tenant, people))
    while relay_all() or clocks():
        pass  # the policies have been through the tickets there were
    for one in subscribers():
        take_turn(one)  # begins with what happens from now on
    for tenant, people in pairs:
        for place in range(TICKETS // TENANTS):
            later = timedelta(seconds=BEGINS + random.uniform(0, seconds))
            ago = random.choice((WARN, TARGET))
            ticket = make_ticket(people[0], at=now - ago + later)
            wanted[str(ticket.id)] = {"sla.warning"} if ago == WARN else {"sla.warning", "sla.breached"}
            if place % 3 == 0:
                with tenant_scope(tenant.id):
                    claim_ticket(actor=actor(people[1]), ticket_id=ticket.id)
                    post_message(actor=actor(people[1]), conversation_id=ticket.conversation_id, content="Here")
                wanted[str(ticket.id)] = {"sla.met"}
    return wanted


def in_types(wanted: dict[str, set[str]]) -> dict[str, set[str]]:
    """What the leads are told of: what was met is told to nobody."""
    return {key: {kind.replace(".", "_") for kind in kinds - {"sla.met"}} for key, kinds in wanted.items()}


def is_settled() -> bool:
    with owner() as database:
        return all(database.execute(query).fetchone()[0] == 0 for query in (LEFT, BEHIND))  # type: ignore[index]


def differences(wanted: dict[str, set[str]], query: str, what: str) -> list[str]:
    with owner() as database:
        found = Counter({(key, kind): number for key, kind, number in database.execute(query) if key in wanted})
    told = Counter((key, kind) for key, kinds in wanted.items() for kind in kinds)
    return [f"{what}: {one} {found[one]} times and not {told[one]}" for one in found | told if found[one] != told[one]]
