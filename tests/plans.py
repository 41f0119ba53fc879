"""What PostgreSQL does for the hot statements: no table is read whole, and nothing is sorted but a page.

For the suite, on its few rows, and for `make bench`, on as many as it loads.
"""

import json
from typing import Any
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from conversations.reads import NEWEST, PART, READABLE
from conversations.services import _APPEND, _MARK_READ
from ondi.accounts.actors import Actor
from ondi.common.prepared import update_statement
from support.api import reads
from support.models import Ticket
from support.services.turns import _NOTE

PAGE = slice(20, 40)
SORTED = {"found"}  # a search gathers what it found, and puts that in order
READ_WHOLE = {"tenants_tenant"}  # a tenant is a row of a page or two


def faults(customer: Actor, agent: Actor, ticket: Ticket, *, trifle: int = 0) -> dict[str, list[str]]:
    """By statement, what is wrong with its plan; `ticket` is an open one of the customer's.

    Up to `trifle` rows may be read or sorted: that is quicker than any index.
    """
    return {name: list(faults_in(plan, name, trifle)) for name, plan in plans(customer, agent, ticket).items()}


def plans(customer: Actor, agent: Actor, ticket: Ticket) -> dict[str, Any]:
    talk = {"conversation": ticket.conversation_id}
    found = {
        "own": reads.OWN.fresh(customer, page=PAGE),
        "own page": reads.OWN_PAGE.fresh(customer, page=PAGE),
        "own open page": reads.OWN_PAGE.fresh(customer, page=PAGE, status="open"),
        "own detail": reads.OWN_DETAIL.fresh(customer, page=PAGE, ticket=ticket.id),
        "queue": reads.QUEUE.fresh(agent, page=PAGE),
        "open queue": reads.QUEUE.fresh(agent, page=PAGE, status="open"),
        "my open queue": reads.QUEUE.fresh(agent, page=PAGE, status="open", assignee_id=agent.membership_id),
        "unassigned open queue": reads.QUEUE.fresh(agent, page=PAGE, status="open", unassigned=True),
        "found": reads.FOUND.fresh(agent, page=PAGE, search="delayed"),
        "queued": reads.QUEUED.fresh(agent, page=PAGE, tickets=[ticket.id]),
        "totals": reads.TOTALS.fresh(agent, page=PAGE),
        "part": PART.fresh(customer, page=PAGE, **talk),
        "readable": READABLE.fresh(customer, page=PAGE, **talk),
        "newest": NEWEST.fresh(customer, page=PAGE, **talk),
    }
    at, key = timezone.now(), uuid4()
    written = {
        "append": (_APPEND, [key, customer.membership_id, "customer", "text", "", None, at, None,
                             ticket.conversation_id, True, ticket.conversation_id, customer.membership_id, False, ""]),
        "note": (_NOTE, {"turn": "agent", "at": at, "from_customer": True, "tenant": ticket.tenant_id,
                         "conversation": ticket.conversation_id}),
        "mark read": (_MARK_READ, [1, key, 1]),
        "change": update_statement(ticket),
    }  # fmt: skip
    plans = {name: json.loads(queryset.explain(format="json"))[0]["Plan"] for name, queryset in found.items()}
    with connection.cursor() as cursor:
        for name, (sql, arguments) in written.items():
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", arguments)
            plans[name] = (cursor.fetchone() or [])[0][0]["Plan"]
    return plans


def faults_in(node: Any, name: str, trifle: int = 0) -> Any:
    kind, below = node["Node Type"], node.get("Plans", [])
    if node["Plan Rows"] > trifle:
        if kind == "Seq Scan" and node["Relation Name"] not in READ_WHOLE:
            yield f"reads {node['Relation Name']} whole"
        if kind.endswith("Sort") and name not in SORTED and not any(_holds(child, "Limit") for child in below):
            yield f"sorts by {', '.join(node['Sort Key'])}"
    for child in below:
        yield from faults_in(child, name, trifle)


def _holds(node: Any, kind: str) -> bool:
    return node["Node Type"] == kind or any(_holds(child, kind) for child in node.get("Plans", []))
