"""What a ticket says of itself, and what hangs on it."""

from ondi.datafixes.fixes import Footprint
from support.fixes.findings.parts import (
    COMPARE_CUSTOMERS,
    CUSTOMERS,
    HOLD_TICKET,
    IDS,
    LAST_EVENT,
    MINE,
    THESE,
    TICKET,
    Finding,
    dangling,
    held,
    lost,
)
from support.turns import FIRST_ANSWER, LAST_MESSAGE_AT, LAST_SAID, REOPENED, WAITS_SINCE, WAITS_WRONGLY

_WAITS_SINCE = f"UPDATE support_ticket AS t SET waiting_since = {WAITS_SINCE} WHERE {THESE}"
FINDINGS = [
    Finding(
        "waiting_on",
        "an open ticket waits on the wrong side",
        f"SELECT t.id, '#' || t.number || ' waits on ' || t.waiting_on FROM support_ticket AS t {LAST_SAID} "
        f"WHERE {MINE} AND t.status = 'open' AND (t.waiting_on = 'customer' AND last.sender_role = 'customer' "
        f"OR t.waiting_on = 'agent' AND last.sender_role = 'agent' AND NOT {REOPENED})",
        (
            "UPDATE support_ticket AS t SET waiting_on = CASE t.waiting_on WHEN 'agent' THEN 'customer' ELSE 'agent' END "
            f"WHERE {THESE}",
            _WAITS_SINCE,
        ),
        TICKET,
        HOLD_TICKET,
    ),
    Finding(
        "waiting_since",
        "an open ticket does not say since when it waits, or not what its messages and its history say",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {MINE} AND t.status = 'open' "
        f"AND (t.waiting_since IS NULL OR {WAITS_WRONGLY})",
        (_WAITS_SINCE,),
        TICKET,
        HOLD_TICKET,
    ),
    Finding(
        "closed_ticket_waits",
        "a closed ticket still waits or comes back",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {MINE} AND t.status = 'closed' "
        "AND (t.waiting_since IS NOT NULL OR t.follow_up_at IS NOT NULL)",
        (f"UPDATE support_ticket AS t SET waiting_since = NULL, follow_up_at = NULL WHERE {THESE}",),
        TICKET,
        HOLD_TICKET,
    ),
    Finding(
        "open_ticket_has_a_closer",
        "an open ticket says who closed it",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {MINE} AND t.status = 'open' "
        "AND t.closed_by_id IS NOT NULL",
        (f"UPDATE support_ticket AS t SET closed_by_id = NULL WHERE {THESE}",),
        TICKET,
        HOLD_TICKET,
    ),
    Finding(
        "first_response",
        "a ticket's first response is not the first answer of an agent",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {MINE} "
        f"AND t.first_response_at IS DISTINCT FROM {FIRST_ANSWER}",
        (f"UPDATE support_ticket AS t SET first_response_at = {FIRST_ANSWER} WHERE {THESE}",),
        TICKET,
        HOLD_TICKET,
    ),
    Finding(
        "last_activity",
        "a ticket's last activity is not its last message",
        "SELECT t.id, '#' || t.number, CASE WHEN t.last_activity_at = c.last_message_at "
        "THEN 'its conversation says the same: the time of the message may be the wrong one' END AS doubt "
        "FROM support_ticket AS t LEFT JOIN conversations_conversation AS c ON c.tenant_id = t.tenant_id "
        f"AND c.id = t.conversation_id WHERE {MINE} AND t.last_activity_at <> {LAST_MESSAGE_AT}",
        (f"UPDATE support_ticket AS t SET last_activity_at = {LAST_MESSAGE_AT} WHERE {THESE}",),
        TICKET,
        HOLD_TICKET,
    ),
    Finding(
        "counter",
        "the tenant's ticket counter is behind its tickets",
        "SELECT %(tenant)s::uuid, COALESCE(max(c.last_number), 0) || ', highest ' || max(t.number) FROM support_ticket "
        f"AS t LEFT JOIN support_ticketcounter AS c ON c.tenant_id = t.tenant_id WHERE {MINE} "
        "HAVING max(t.number) > COALESCE(max(c.last_number), 0)",
        (
            "INSERT INTO support_ticketcounter AS counter (tenant_id, last_number) SELECT %(tenant)s, max(number) FROM "
            "support_ticket WHERE tenant_id = %(tenant)s ON CONFLICT (tenant_id) "
            "DO UPDATE SET last_number = GREATEST(counter.last_number, EXCLUDED.last_number)",
        ),
        (Footprint("support_ticketcounter", "t.tenant_id", "t.tenant_id = %(tenant)s", "tenant_id"),),
        ("SELECT FROM support_ticketcounter WHERE tenant_id = %(tenant)s FOR NO KEY UPDATE",),
    ),
    Finding(
        "event_opened",
        "a ticket has no event that it was opened",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {MINE} AND NOT EXISTS (SELECT FROM "
        "support_ticketevent AS e WHERE e.tenant_id = t.tenant_id AND e.ticket_id = t.id AND e.kind = 'opened')",
        (
            "INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, actor_id, before, after, created_at) "
            "SELECT %(new)s, t.tenant_id, t.id, 'opened', NULL, '{}', jsonb_build_object('status', 'open', "
            f"'source', t.source), t.created_at FROM support_ticket AS t WHERE {THESE}",
        ),
        (),
        HOLD_TICKET,
    ),
    Finding(
        "event_closed",
        "a closed ticket has no event that it was closed",
        "SELECT t.id, '#' || t.number, CASE WHEN c.status <> 'closed' OR "
        f"{LAST_EVENT} = 'reopened' THEN 'its history or its conversation says that it is open' END AS doubt FROM support_ticket AS t "
        "JOIN conversations_conversation AS c ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id "
        f"WHERE {MINE} AND t.status = 'closed' AND COALESCE({LAST_EVENT}, 'opened') NOT IN ('closed', 'fix_undone')",
        (
            "INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, actor_id, before, after, created_at) "
            "SELECT %(new)s, t.tenant_id, t.id, 'closed', t.closed_by_id, '{\"status\": \"open\"}', "
            f'\'{{"status": "closed"}}\', t.closed_at FROM support_ticket AS t WHERE {THESE}',
        ),
        (),
        HOLD_TICKET,
    ),
    Finding(
        "status_against_history",
        "an open ticket was closed by its history and never reopened",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {MINE} AND t.status = 'open' "
        f"AND {LAST_EVENT} = 'closed'",
        look_at="compare the ticket's history with its conversation, and close it or reopen it in the admin",
    ),
    Finding(
        "ticket_without_message",
        "a ticket has no message",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {MINE} AND NOT EXISTS (SELECT FROM "
        "conversations_message AS m WHERE m.tenant_id = t.tenant_id AND m.conversation_id = t.conversation_id)",
        look_at="look for its messages in a backup: a ticket is opened with its customer's words",
    ),
    Finding(
        "title_is_not_the_subject",
        "a ticket and its conversation do not say the same subject",
        "SELECT t.id, '#' || t.number FROM support_ticket AS t JOIN conversations_conversation AS c "
        f"ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id WHERE {MINE} AND c.title <> t.subject "
        "AND right(c.title, length(t.subject) + 2) <> ': ' || t.subject",
        look_at="compare the ticket's subject with the title of its conversation: either may be the wrong one",
    ),
    Finding(
        "opened_at",
        "a ticket and its conversation were not opened at the same time",
        "SELECT t.id, '#' || t.number || ': ' || t.created_at || ', ' || c.created_at FROM support_ticket AS t JOIN "
        "conversations_conversation AS c ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id "
        f"WHERE {MINE} AND c.created_at <> t.created_at",
        look_at="compare both with the first message and with the history: either may be the wrong one",
    ),
    Finding(
        "two_open_tickets_of_one_item",
        "two open tickets are about the same delivery or order",
        # Two questions, so that each goes by an index.
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {MINE} AND t.status = 'open' AND (EXISTS (SELECT FROM "
        "support_ticket AS k WHERE k.tenant_id = t.tenant_id AND k.delivery_id = t.delivery_id AND k.status = 'open' "
        "AND k.id < t.id) OR EXISTS (SELECT FROM support_ticket AS k WHERE k.tenant_id = t.tenant_id "
        "AND k.order_id = t.order_id AND k.status = 'open' AND k.id < t.id))",
        look_at="read both and close one in the admin; the unique index that refuses the second is missing",
    ),
    Finding(
        "item_of_another_customer",
        "a ticket is about a delivery or an order that was somebody else's when it was opened",
        # What was written since may have been given to somebody else by the platform, which API.md allows.
        f"SELECT t.id, {CUSTOMERS} FROM support_ticket AS t WHERE {MINE} AND (EXISTS (SELECT FROM deliveries_delivery AS d "
        "WHERE d.tenant_id = t.tenant_id AND d.id = t.delivery_id AND d.customer_id <> t.requester_id "
        "AND d.updated_at <= t.created_at) OR EXISTS (SELECT FROM orders_order AS o WHERE o.tenant_id = t.tenant_id "
        "AND o.id = t.order_id AND o.customer_id <> t.requester_id AND o.updated_at <= t.created_at))",
        look_at=COMPARE_CUSTOMERS,
    ),
    dangling("ticket_delivery", "support_ticket", "delivery_id", "deliveries_delivery", hold=HOLD_TICKET),
    dangling(
        "delivery_order", "deliveries_delivery", "order_id", "orders_order", hold=(held("deliveries_delivery", IDS),)
    ),
    dangling(
        "tag_orphan",
        "support_tickettag",
        "tag_id",
        "support_tag",
        drop=True,
        hold=(
            held(
                "support_ticket",
                "t.id IN (SELECT k.ticket_id FROM support_tickettag AS k WHERE k.tenant_id = t.tenant_id AND k.id = ANY (%(keys)s))",
            ),
        ),
    ),
    lost(
        "note_orphan",
        "support_ticketnote",
        "ticket_id",
        "support_ticket",
        "read the note and look for its ticket in a backup: it holds a colleague's words",
    ),
]
