"""Answers that wait to be sent, some taken back as they go out, while the work processes are killed: each is sent once.

The clock is moved by moving, in the database, the moment answers are sent at. When some of them are out, writers take
others back, and then a process is killed. `CHAOS_DRAFT_KILLS` sets how many are (200), `CHAOS_DRAFTS` how many answers
fall due at each kill (20).
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from tests.reliability.product import manage, owner, prepared, wait_until
from tests.reliability.webhooks import Workers, start_django

KILLS = int(os.environ.get("CHAOS_DRAFT_KILLS", "200"))
AT_ONCE = int(os.environ.get("CHAOS_DRAFTS", "20"))
TENANTS, TAKEN_BACK = 3, 0.2
FALL_DUE = "UPDATE support_draft SET send_at = now() WHERE send_at IS NOT NULL"
WAITING = "SELECT count(*) FROM support_draft WHERE send_at IS NOT NULL"
SAID = "SELECT content, count(*) FROM conversations_message WHERE content LIKE 'answer %' GROUP BY 1"
KEPT = "SELECT content, count(*) FROM support_draft GROUP BY 1"
Figures = dict[str, Any]


def killed_while_sending() -> tuple[Figures, list[str]]:
    """`kill -9` of work processes while they send."""
    _home, environment = prepared(ONDI_INSTALLATION="chaos")
    start_django(environment)
    written, taken_back, in_the_midst = set[str](), set[str](), 0
    waits, workers = waiting_answers(), Workers(environment)
    try:
        for _kill in range(KILLS):
            answers, left = next(waits), random.randrange(1, AT_ONCE)
            with owner() as database:
                database.execute(FALL_DUE)
            wait_until(lambda most=left: asked(WAITING) <= most, "nobody sends")
            taken_back |= taken_back_of(answers)
            written |= answers.keys()
            in_the_midst += asked(WAITING) > 0
            workers.kill_one()
        wait_until(lambda: not asked(WAITING), "answers are not sent", 120)
    finally:
        workers.end()
    manage(environment, "doctor")
    figures = {
        "work processes killed": KILLS, "in the midst of it": in_the_midst, "answers": len(written),
        "taken back": len(taken_back),
    }  # fmt: skip
    return figures, [*differences("sent", written - taken_back, SAID), *differences("a draft", taken_back, KEPT)]


def waiting_answers() -> Iterator[dict[str, dict[str, Any]]]:
    """Again and again so many, each at a ticket of its own: by its words, what takes it back."""
    from ondi.tenants.scope import tenant_scope
    from support.drafts import Writing, send_later
    from support.vocabulary import DraftKind
    from tests.factories import MemberFactory, TenantFactory, actor, make_ticket

    people = []
    for number in range(TENANTS):
        tenant = TenantFactory(slug=f"shop-{number}")
        people.append((MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)))
    number = 0
    while True:
        answers = {}
        for place in range(AT_ONCE):
            customer, agent = people[place % TENANTS]
            number += 1
            word, writer, ticket = f"answer {number}", actor(agent), make_ticket(customer)
            with tenant_scope(ticket.tenant_id):
                writing = Writing(DraftKind.REPLY, word, close=number % 2 == 0)
                send_later(actor=writer, ticket_id=ticket.id, writing=writing, wait=timedelta(hours=1))
            answers[word] = {"actor": writer, "ticket_id": ticket.id, "kind": DraftKind.REPLY}
        yield answers


def taken_back_of(answers: dict[str, dict[str, Any]]) -> set[str]:
    """Some of them, as their writers take them back; those that were sent already are not among them."""
    from ondi.tenants.scope import tenant_scope
    from support.drafts import take_back
    from support.errors import SentAlready

    found = set()
    for word in random.sample(sorted(answers), int(len(answers) * TAKEN_BACK)):
        with suppress(SentAlready), tenant_scope(answers[word]["actor"].tenant_id):
            take_back(**answers[word])
            found.add(word)
    return found


def asked(query: str) -> int:
    with owner() as database:
        return database.execute(query).fetchone()[0]  # type: ignore[index,no-any-return]


def differences(what: str, wanted: set[str], query: str) -> list[str]:
    with owner() as database:
        found = Counter(dict(database.execute(query).fetchall()))
    return [
        f"{one}: {what} {found[one]} times and not {int(one in wanted)}"
        for one in sorted(found.keys() | wanted)
        if found[one] != (one in wanted)
    ]
