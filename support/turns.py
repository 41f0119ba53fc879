"""Whose turn it is, and since when: the rule in all its forms, which have to say the same.

A ticket waits on the side that spoke not last, since the first message that is not answered; it waits on an agent from
its opening and from its reopening, and on nobody once it is closed. The forms: what a message changes (one statement,
for it is the hot path), what a service changes, and what `doctor` rebuilds from messages and history.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from support.models import Ticket
from support.vocabulary import TicketStatus, WaitingOn

AFTER_MESSAGE = """
UPDATE support_ticket SET
    waiting_since = CASE waiting_on WHEN %(turn)s THEN waiting_since ELSE %(at)s END,
    waiting_on = %(turn)s,
    follow_up_at = CASE WHEN %(from_customer)s THEN NULL ELSE follow_up_at END,
    first_response_at = COALESCE(first_response_at, CASE WHEN NOT %(from_customer)s THEN %(at)s END),
    last_activity_at = %(at)s, updated_at = %(at)s, version = version + 1
WHERE tenant_id = %(tenant_id)s AND conversation_id = %(conversation_id)s AND status = 'open'
RETURNING id, number, version, requester_id
"""


def closed_fields(at: datetime, *, by: UUID | None) -> dict[str, Any]:
    """What a closed ticket is. `by`: a membership; None for the system."""
    waits_no_more = dict.fromkeys(("waiting_on", "waiting_since", "snoozed_until"))
    return {"status": TicketStatus.CLOSED, "closed_at": at, "closed_by_id": by, **waits_no_more}


def mark_reopened(ticket: Ticket, at: datetime) -> None:
    """What a reopened ticket is, but for saving it: it waits on an agent from now."""
    ticket.status = TicketStatus.OPEN
    ticket.closed_at = ticket.closed_by_id = None
    ticket.waiting_on, ticket.waiting_since = WaitingOn.AGENT, at


# Rebuilt, in SQL: `t` is the ticket.

# Words of people, the ones that were taken back since among them; the system's are nobody's turn.
SAID = "m.tenant_id = t.tenant_id AND m.conversation_id = t.conversation_id AND m.sender_role"
LAST_SAID = (
    "LEFT JOIN LATERAL (SELECT m.sender_role, m.sequence, m.created_at FROM conversations_message AS m "
    f"WHERE {SAID} <> 'system' ORDER BY m.sequence DESC LIMIT 1) AS last ON true"
)
REOPENED = (
    "EXISTS (SELECT FROM support_ticketevent AS done WHERE done.tenant_id = t.tenant_id AND done.ticket_id = t.id "
    "AND done.kind IN ('reopened', 'fix_undone') AND done.created_at >= last.created_at)"
)
FIRST_ANSWER = (
    f"(SELECT m.created_at FROM conversations_message AS m WHERE {SAID} = 'agent' ORDER BY m.sequence LIMIT 1)"
)
LAST_MESSAGE_AT = (
    "(SELECT m.created_at FROM conversations_message AS m WHERE m.tenant_id = t.tenant_id "
    "AND m.conversation_id = t.conversation_id ORDER BY m.sequence DESC LIMIT 1)"
)
# Since when a ticket waits: since the side that spoke last began to, or since it was reopened after that. What the
# forms above write one by one, from the messages and the history.
_OTHER = f"FROM conversations_message AS m WHERE {SAID} = t.waiting_on"
_RUN = f"{SAID} NOT IN ('system', t.waiting_on) AND m.sequence > COALESCE((SELECT max(m.sequence) {_OTHER}), 0)"
_REOPENINGS = (
    "FROM support_ticketevent AS e WHERE e.tenant_id = t.tenant_id AND e.ticket_id = t.id AND e.kind = 'reopened'"
)
_LAST_REOPENING = f"(SELECT e.created_at {_REOPENINGS} ORDER BY e.id DESC LIMIT 1)"
WAITS_WRONGLY = (
    f"(EXISTS (SELECT FROM conversations_message AS m WHERE {_RUN}) "
    f"OR t.waiting_on = 'agent' AND {_LAST_REOPENING} IS NOT NULL) "
    f"AND NOT EXISTS (SELECT FROM conversations_message AS m WHERE {_RUN} AND m.created_at = t.waiting_since) "
    f"AND NOT (t.waiting_on = 'agent' AND EXISTS (SELECT {_REOPENINGS} AND e.created_at = t.waiting_since))"
)
WAITS_SINCE = (
    f"COALESCE((SELECT e.created_at {_REOPENINGS} AND t.waiting_on = 'agent' AND e.created_at >= "
    f"COALESCE((SELECT m.created_at {_OTHER} ORDER BY m.sequence DESC LIMIT 1), '-infinity') "
    "ORDER BY e.id DESC LIMIT 1), "
    f"(SELECT m.created_at FROM conversations_message AS m WHERE {_RUN} AND m.created_at >= "
    f"COALESCE({_LAST_REOPENING}, '-infinity') ORDER BY m.sequence LIMIT 1), "
    f"(SELECT m.created_at FROM conversations_message AS m WHERE {_RUN} ORDER BY m.sequence LIMIT 1), t.created_at)"
)
