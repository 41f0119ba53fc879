"""What PostgreSQL does for the hot statements: no table or subplan is read whole, and nothing is sorted but a page.

For the suite, on its few rows, and for `make bench`, on as many as it loads. Looked at is the plan that the product
follows: the one for all values, made from the kept text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from conversations.reads import EARLIER, LATER, NEWEST, PART, PLACE, READABLE
from conversations.services import _append_statement
from ondi.accounts.actors import Actor
from ondi.common.prepared import insert_values, update_statement
from support import reads
from support.models import Ticket
from support.services.shared import message_entry
from support.turns import AFTER_MESSAGE

PAGE = {"start": 20, "limit": 20}
SORTED = {"found"}  # a search gathers what it found, and puts that in order
READ_WHOLE = {"tenants_tenant"}  # a tenant is a row of a page or two


def faults(customer: Actor, agent: Actor, ticket: Ticket, *, trifle: int = 0) -> dict[str, list[str]]:
    """By statement, what is wrong with its plan; `ticket` is an open one of the customer's.

    Up to `trifle` rows may be read or sorted: that is quicker than any index.
    """
    return {name: list(faults_in(plan, name, trifle)) for name, plan in plans(customer, agent, ticket).items()}


def plans(customer: Actor, agent: Actor, ticket: Ticket) -> dict[str, Any]:
    conversation = {"conversation": ticket.conversation_id}
    mine = {"assignee_id": agent.membership_id}
    at, key = timezone.now(), uuid4()
    statements = {
        "own": reads.OWN.statement(customer),
        "own page": reads.OWN_PAGE.statement(customer, **PAGE),
        "own open page": reads.OWN_PAGE.statement(customer, **PAGE, status="open"),
        "own detail": reads.OWN_DETAIL.statement(customer, ticket=ticket.id),
        "queue": reads.QUEUE.statement(agent, **PAGE),
        "open queue": reads.QUEUE.statement(agent, **PAGE, status="open"),
        "my open queue": reads.QUEUE.statement(agent, **PAGE, status="open", **mine),
        "unassigned open queue": reads.QUEUE.statement(agent, **PAGE, status="open", unassigned=True),
        "open queue by due": reads.QUEUE_BY_DUE.statement(agent, **PAGE, status="open"),
        "my open queue by due": reads.QUEUE_BY_DUE.statement(agent, **PAGE, status="open", **mine),
        "due before": reads.QUEUE_BY_DUE.statement(agent, **PAGE, due_before=at),
        "found": reads.FOUND.statement(agent, **PAGE, search="delayed"),
        "queued": reads.QUEUED.statement(agent, tickets=[ticket.id]),
        "counts": reads.COUNTS.statement(agent),
        "totals": reads.TOTALS.statement(agent),
        "open totals": reads.TOTALS.statement(agent, status="open"),
        "my open totals": reads.TOTALS.statement(agent, status="open", **mine),
        "part": PART.statement(customer, **conversation),
        "readable": READABLE.statement(customer, **conversation),
        "newest": NEWEST.statement(customer, **PAGE, **conversation),
        "place": PLACE.statement(customer, **conversation, message=ticket.conversation.last_message_id),
        "earlier": EARLIER.statement(customer, limit=21, **conversation, message=ticket.conversation.last_message_id),
        "later": LATER.statement(customer, limit=21, **conversation, message=ticket.conversation.last_message_id),
        "append": (_append_statement(published=True), [
            key, customer.membership_id, "customer", "text", "", None, at, None, ticket.conversation_id, False,
            customer.membership_id, ticket.conversation_id, customer.membership_id, True,
            *insert_values(message_entry(ticket, key, customer, at)), "", 0]),
        "note": (AFTER_MESSAGE, {"turn": "agent", "at": at, "from_customer": True, "tenant_id": ticket.tenant_id,
                         "conversation_id": ticket.conversation_id}),
        **_of_mark_read(ticket, customer),
        "change": update_statement(ticket),
    }  # fmt: skip
    return {name: plan(sql, arguments) for name, (sql, arguments) in statements.items()}


def _of_mark_read(ticket: Ticket, customer: Actor) -> dict[str, tuple[str, dict[str, Any]]]:
    """What the function asks, by its text."""
    values = {
        "of_tenant": ticket.tenant_id, "reader": customer.membership_id, "of_conversation": ticket.conversation_id,
        "read_to": 1, "read_when": timezone.now(),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'ondi_mark_read'")
        (text,) = cursor.fetchone()
    found = {}
    for number, statement in enumerate(re.findall(r"UPDATE[^;]+", text), start=1):
        named = re.sub(rf"\b({'|'.join(values)})\b", r"%(\1)s", statement)
        found[f"mark read {number}"] = (
            named,
            {name: value for name, value in values.items() if f"%({name})s" in named},
        )
    return found


def plan(sql: str, arguments: Sequence[Any] | Mapping[str, Any]) -> Any:
    """The plan the product follows: by the connection's own setting, one for all values."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    if isinstance(arguments, Mapping):
        arguments = [arguments[name] for name in names]
    numbers = iter(range(1, len(arguments) + 1))
    text = re.sub(r"%\((\w+)\)s|%s", lambda found: f"${names.index(found[1]) + 1 if found[1] else next(numbers)}", sql)
    with connection.cursor() as cursor:
        cursor.execute("PREPARE looked_at AS " + text.replace("%%", "%"))
        try:
            values = f"({', '.join(['%s'] * len(arguments))})" if arguments else ""
            cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at{values}", arguments)
            return (cursor.fetchone() or [])[0][0]["Plan"]
        finally:
            cursor.execute("DEALLOCATE looked_at")


def faults_in(node: Any, name: str, trifle: int = 0) -> Any:
    kind, below = node["Node Type"], node.get("Plans", [])
    if node["Plan Rows"] > trifle:
        if kind == "Seq Scan" and node["Relation Name"] not in READ_WHOLE:
            yield f"reads {node['Relation Name']} whole"
        if kind.endswith("Sort") and name not in SORTED and not any(_holds(child, "Limit") for child in below):
            yield f"sorts by {', '.join(node['Sort Key'])}"
    if "hashed SubPlan" in node.get("Filter", ""):
        yield f"gathers a whole subplan for {node.get('Relation Name', kind)}, to ask it about a row"
    for child in below:
        yield from faults_in(child, name, trifle)


def _holds(node: Any, kind: str) -> bool:
    return node["Node Type"] == kind or any(_holds(child, kind) for child in node.get("Plans", []))
