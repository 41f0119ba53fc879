"""What has to be true of the data and SQL alone cannot hold: how to find what is not, and how to mend it.

A finding names its rows by `find` (key, detail) and mends those of `%(keys)s` by `mend`; both run in one tenant,
`%(tenant)s`. `footprint` are the tables mending touches. A new invariant gets its row here, and the damage is
planted in `tests/support/test_doctor.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ondi.datafixes.fixes import Footprint


def _rows(table: str, *, key: str = "id") -> tuple[Footprint, ...]:
    """The damaged rows themselves."""
    return (Footprint(table, f"t.{key}", f"t.tenant_id = %(tenant)s AND t.{key} = ANY (%(keys)s)", key),)


def _children(table: str, column: str) -> Footprint:
    """Rows that hang on the damaged ones."""
    return Footprint(table, f"t.{column}", f"t.tenant_id = %(tenant)s AND t.{column} = ANY (%(keys)s)")


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    what: str
    find: str
    mend: Sequence[str]
    footprint: Sequence[Footprint]


TICKET, CONVERSATION = _rows("support_ticket"), _rows("conversations_conversation")
PARTICIPANT, MESSAGE = _rows("conversations_participant"), _rows("conversations_message")
PARTICIPANTS_OF_TICKET = (
    Footprint(
        "conversations_participant",
        "(SELECT own.id FROM support_ticket AS own WHERE own.tenant_id = t.tenant_id AND own.conversation_id = t.conversation_id)",
        "t.tenant_id = %(tenant)s AND t.conversation_id IN (SELECT conversation_id FROM support_ticket "
        "WHERE tenant_id = %(tenant)s AND id = ANY (%(keys)s))",
    ),
)
_MINE = "t.tenant_id = %(tenant)s"
_THESE = "t.tenant_id = %(tenant)s AND t.id = ANY (%(keys)s)"

# The last thing somebody said, and whether the ticket was reopened after it.
_LAST_SAID = (
    "LEFT JOIN LATERAL (SELECT said.sender_role, said.created_at FROM conversations_message AS said "
    "WHERE said.tenant_id = t.tenant_id AND said.conversation_id = t.conversation_id AND said.message_type = 'text' "
    "ORDER BY said.sequence DESC LIMIT 1) AS last ON true"
)
_REOPENED = (
    "EXISTS (SELECT FROM support_ticketevent AS done WHERE done.tenant_id = t.tenant_id AND done.ticket_id = t.id "
    "AND done.kind IN ('reopened', 'fix_undone') AND done.created_at >= last.created_at)"
)
_LAST = (
    "JOIN LATERAL (SELECT m.* FROM conversations_message AS m WHERE m.tenant_id = t.tenant_id "
    "AND m.conversation_id = t.id ORDER BY m.sequence DESC LIMIT 1) AS last ON true"
)
_FIRST_ANSWER = (
    "(SELECT min(m.created_at) FROM conversations_message AS m WHERE m.tenant_id = t.tenant_id "
    "AND m.conversation_id = t.conversation_id AND m.sender_role = 'agent' AND m.message_type = 'text')"
)
_LAST_MESSAGE_AT = (
    "(SELECT max(m.created_at) FROM conversations_message AS m WHERE m.tenant_id = t.tenant_id "
    "AND m.conversation_id = t.conversation_id)"
)


def _dangling(name: str, table: str, column: str, target: str, *, drop: bool = False) -> Finding:
    """A link whose target is not there, or is another tenant's."""
    missing = (
        f"t.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {target} AS there "
        f"WHERE there.tenant_id = t.tenant_id AND there.id = t.{column})"
    )
    mend = (
        f"DELETE FROM {table} AS t WHERE {_THESE}"
        if drop
        else f"UPDATE {table} AS t SET {column} = NULL WHERE {_THESE}"
    )
    return Finding(
        name, f"{table}.{column} leads nowhere in its tenant",
        f"SELECT t.id, t.{column}::text FROM {table} AS t WHERE {_MINE} AND {missing}", (mend,), _rows(table),
    )  # fmt: skip


FINDINGS = [
    Finding(
        "message_sequence",
        "messages of a conversation are not numbered from 1 without gaps",
        f"SELECT t.conversation_id, min(t.sequence) || ' to ' || max(t.sequence) || ', ' || count(*) || ' messages' "
        f"FROM conversations_message AS t WHERE {_MINE} GROUP BY t.conversation_id "
        "HAVING min(t.sequence) <> 1 OR max(t.sequence) <> count(*)",
        # Twice, for the unique index looks at every row by itself.
        (
            "UPDATE conversations_message AS t SET sequence = right_one.place + 1000000 FROM (SELECT id, row_number() OVER "
            "(PARTITION BY conversation_id ORDER BY sequence, created_at, id) AS place FROM conversations_message "
            "WHERE tenant_id = %(tenant)s AND conversation_id = ANY (%(keys)s)) AS right_one "
            "WHERE t.tenant_id = %(tenant)s AND t.id = right_one.id",
            "UPDATE conversations_message AS t SET sequence = sequence - 1000000 "
            "WHERE t.tenant_id = %(tenant)s AND conversation_id = ANY (%(keys)s)",
        ),
        (_children("conversations_message", "conversation_id"),),
    ),
    Finding(
        "summary_count",
        "a conversation's message_count is not the number of its messages",
        f"SELECT t.id, t.message_count || ', counted ' || n.number FROM conversations_conversation AS t JOIN LATERAL "
        "(SELECT count(*) AS number FROM conversations_message AS m WHERE m.tenant_id = t.tenant_id "
        f"AND m.conversation_id = t.id) AS n ON true WHERE {_MINE} AND t.message_count <> n.number",
        (
            "UPDATE conversations_conversation AS t SET message_count = (SELECT count(*) FROM conversations_message AS m "
            f"WHERE m.tenant_id = t.tenant_id AND m.conversation_id = t.id) WHERE {_THESE}",
        ),
        CONVERSATION,
    ),
    Finding(
        "summary_last_message",
        "a conversation's last message is not its last message",
        f"SELECT t.id, 'last is ' || last.id FROM conversations_conversation AS t {_LAST} WHERE {_MINE} AND "
        "(t.last_message_id, t.last_message_sender_id, t.last_message_sender_role, t.last_message_type, t.last_message_at, "
        "t.last_message_event) IS DISTINCT FROM (last.id, last.sender_id, last.sender_role, last.message_type, "
        "last.created_at, last.event) OR "
        f"{_MINE} AND last.message_type = 'text' AND t.last_message_preview <> left(last.content, 140)",
        (
            "UPDATE conversations_conversation AS t SET last_message_id = last.id, last_message_sender_id = last.sender_id, "
            "last_message_sender_role = last.sender_role, last_message_type = last.message_type, last_message_at = "
            "last.created_at, last_message_event = last.event, last_message_preview = CASE last.message_type WHEN 'text' "
            "THEN left(last.content, 140) WHEN 'html' THEN left(btrim(regexp_replace(regexp_replace(last.content, "
            "'<[^>]*>', ' ', 'g'), '\\s+', ' ', 'g')), 140) ELSE '' END FROM (SELECT DISTINCT ON (m.conversation_id) m.* "
            "FROM conversations_message AS m WHERE m.tenant_id = %(tenant)s AND m.conversation_id = ANY (%(keys)s) "
            f"ORDER BY m.conversation_id, m.sequence DESC) AS last WHERE {_THESE} AND last.conversation_id = t.id",
        ),
        CONVERSATION,
    ),
    Finding(
        "read_marker",
        "somebody has read further than the conversation goes",
        "SELECT t.id, t.last_read_sequence || ' of ' || c.message_count FROM conversations_participant AS t "
        "JOIN conversations_conversation AS c ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id "
        f"WHERE {_MINE} AND t.last_read_sequence > (SELECT count(*) FROM conversations_message AS m "
        "WHERE m.tenant_id = t.tenant_id AND m.conversation_id = t.conversation_id)",
        (
            "UPDATE conversations_participant AS t SET last_read_sequence = (SELECT count(*) FROM conversations_message "
            f"AS m WHERE m.tenant_id = t.tenant_id AND m.conversation_id = t.conversation_id) WHERE {_THESE}",
        ),
        PARTICIPANT,
    ),
    Finding(
        "requester_takes_no_part",
        "a ticket's customer does not take part in its conversation",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {_MINE} AND NOT EXISTS (SELECT FROM "
        "conversations_participant AS p WHERE p.tenant_id = t.tenant_id AND p.conversation_id = t.conversation_id "
        "AND p.membership_id = t.requester_id AND p.role = 'customer' AND p.left_at IS NULL)",
        (
            "INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role, "
            "last_read_sequence, joined_at) SELECT %(new)s, t.tenant_id, t.conversation_id, t.requester_id, "
            f"'customer', 0, t.created_at FROM support_ticket AS t WHERE {_THESE} ON CONFLICT "
            "(tenant_id, conversation_id, membership_id) DO UPDATE SET role = 'customer', left_at = NULL",
        ),
        PARTICIPANTS_OF_TICKET,
    ),
    Finding(
        "assignee_takes_no_part",
        "the agent of an open ticket does not take part in its conversation",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {_MINE} AND t.status = 'open' "
        "AND t.assignee_id IS NOT NULL AND EXISTS (SELECT FROM accounts_membership AS there "
        "WHERE there.tenant_id = t.tenant_id AND there.id = t.assignee_id) AND NOT EXISTS (SELECT FROM "
        "conversations_participant AS p WHERE p.tenant_id = t.tenant_id AND p.conversation_id = t.conversation_id "
        "AND p.membership_id = t.assignee_id AND p.left_at IS NULL)",
        (
            "INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role, "
            "last_read_sequence, joined_at) SELECT %(new)s, t.tenant_id, t.conversation_id, t.assignee_id, "
            f"'member', 0, t.updated_at FROM support_ticket AS t WHERE {_THESE} ON CONFLICT "
            "(tenant_id, conversation_id, membership_id) DO UPDATE SET left_at = NULL",
        ),
        PARTICIPANTS_OF_TICKET,
    ),
    Finding(
        "participant_left_the_tenant",
        "somebody of the staff who left the tenant still takes part",
        "SELECT t.id, t.membership_id::text FROM conversations_participant AS t JOIN accounts_membership AS m "
        f"ON m.tenant_id = t.tenant_id AND m.id = t.membership_id WHERE {_MINE} AND t.left_at IS NULL "
        "AND t.role <> 'customer' AND m.ended_at IS NOT NULL AND NOT EXISTS (SELECT FROM support_ticket AS k "
        "WHERE k.tenant_id = t.tenant_id AND k.conversation_id = t.conversation_id AND k.status = 'closed')",
        (
            "UPDATE conversations_participant AS t SET left_at = m.ended_at FROM accounts_membership AS m "
            f"WHERE {_THESE} AND m.tenant_id = t.tenant_id AND m.id = t.membership_id",
        ),
        PARTICIPANT,
    ),
    Finding(
        "support_role_of_who_left",
        "somebody who left the tenant is still marked as a support user",
        f"SELECT t.id, '' FROM accounts_membership AS t WHERE {_MINE} AND t.ended_at IS NOT NULL AND t.is_support_user",
        (f"UPDATE accounts_membership AS t SET is_support_user = false WHERE {_THESE}",),
        _rows("accounts_membership"),
    ),
    Finding(
        "assignee_is_no_support_user",
        "an open ticket is with somebody who is no support user",
        "SELECT t.id, '#' || t.number FROM support_ticket AS t JOIN accounts_membership AS m ON m.tenant_id = t.tenant_id "
        f"AND m.id = t.assignee_id WHERE {_MINE} AND t.status = 'open' AND NOT (m.is_support_user AND m.ended_at IS NULL)",
        (f"UPDATE support_ticket AS t SET assignee_id = NULL WHERE {_THESE}",),
        TICKET,
    ),
    Finding(
        "conversation_open_of_closed_ticket",
        "a closed ticket has an active conversation",
        "SELECT t.id, '#' || k.number FROM conversations_conversation AS t JOIN support_ticket AS k "
        f"ON k.tenant_id = t.tenant_id AND k.conversation_id = t.id WHERE {_MINE} AND k.status = 'closed' "
        "AND t.status = 'active'",
        (f"UPDATE conversations_conversation AS t SET status = 'closed' WHERE {_THESE}",),
        CONVERSATION,
    ),
    Finding(
        "conversation_closed_of_open_ticket",
        "an open ticket has a closed conversation",
        "SELECT t.id, '#' || k.number FROM conversations_conversation AS t JOIN support_ticket AS k "
        f"ON k.tenant_id = t.tenant_id AND k.conversation_id = t.id WHERE {_MINE} AND k.status = 'open' "
        "AND t.status = 'closed'",
        (f"UPDATE conversations_conversation AS t SET status = 'active' WHERE {_THESE}",),
        CONVERSATION,
    ),
    Finding(
        "conversation_without_ticket",
        "a support conversation belongs to no ticket",
        f"SELECT t.id, t.title FROM conversations_conversation AS t WHERE {_MINE} AND t.kind = 'support' AND NOT EXISTS "
        "(SELECT FROM support_ticket AS k WHERE k.tenant_id = t.tenant_id AND k.conversation_id = t.id)",
        (
            "DELETE FROM conversations_participant WHERE tenant_id = %(tenant)s AND conversation_id = ANY (%(keys)s)",
            f"UPDATE conversations_conversation AS t SET last_message_id = NULL WHERE {_THESE}",
            "DELETE FROM conversations_message WHERE tenant_id = %(tenant)s AND conversation_id = ANY (%(keys)s)",
            f"DELETE FROM conversations_conversation AS t WHERE {_THESE}",
        ),
        (
            *CONVERSATION,
            _children("conversations_message", "conversation_id"),
            _children("conversations_participant", "conversation_id"),
        ),
    ),
    Finding(
        "waiting_on",
        "an open ticket waits on the wrong side",
        f"SELECT t.id, '#' || t.number || ' waits on ' || t.waiting_on FROM support_ticket AS t {_LAST_SAID} "
        f"WHERE {_MINE} AND t.status = 'open' AND (t.waiting_on = 'customer' AND last.sender_role = 'customer' "
        f"OR t.waiting_on = 'agent' AND last.sender_role = 'agent' AND NOT {_REOPENED})",
        (
            "UPDATE support_ticket AS t SET waiting_on = CASE t.waiting_on WHEN 'agent' THEN 'customer' ELSE 'agent' END, "
            "waiting_since = (SELECT max(said.created_at) FROM conversations_message AS said WHERE said.tenant_id = "
            "t.tenant_id AND said.conversation_id = t.conversation_id AND said.message_type = 'text') "
            f"WHERE {_THESE}",
        ),
        TICKET,
    ),
    Finding(
        "waiting_since",
        "an open ticket does not say since when it waits",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {_MINE} AND t.status = 'open' "
        "AND t.waiting_since IS NULL",
        (f"UPDATE support_ticket AS t SET waiting_since = t.last_activity_at WHERE {_THESE}",),
        TICKET,
    ),
    Finding(
        "closed_ticket_waits",
        "a closed ticket still waits or comes back",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {_MINE} AND t.status = 'closed' "
        "AND (t.waiting_since IS NOT NULL OR t.follow_up_at IS NOT NULL)",
        (f"UPDATE support_ticket AS t SET waiting_since = NULL, follow_up_at = NULL WHERE {_THESE}",),
        TICKET,
    ),
    Finding(
        "open_ticket_has_a_closer",
        "an open ticket says who closed it",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {_MINE} AND t.status = 'open' "
        "AND t.closed_by_id IS NOT NULL",
        (f"UPDATE support_ticket AS t SET closed_by_id = NULL WHERE {_THESE}",),
        TICKET,
    ),
    Finding(
        "first_response",
        "a ticket's first response is not the first answer of an agent",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {_MINE} "
        f"AND t.first_response_at IS DISTINCT FROM {_FIRST_ANSWER} AND NOT EXISTS (SELECT FROM conversations_message AS m "
        "WHERE m.tenant_id = t.tenant_id AND m.conversation_id = t.conversation_id "
        "AND m.event->>'code' = 'message_redacted')",
        (f"UPDATE support_ticket AS t SET first_response_at = {_FIRST_ANSWER} WHERE {_THESE}",),
        TICKET,
    ),
    Finding(
        "last_activity",
        "a ticket's last activity is not its last message",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {_MINE} AND t.last_activity_at <> {_LAST_MESSAGE_AT}",
        (f"UPDATE support_ticket AS t SET last_activity_at = {_LAST_MESSAGE_AT} WHERE {_THESE}",),
        TICKET,
    ),
    Finding(
        "counter",
        "the tenant's ticket counter is behind its tickets",
        "SELECT %(tenant)s::uuid, COALESCE(max(c.last_number), 0) || ', highest ' || max(t.number) FROM support_ticket "
        f"AS t LEFT JOIN support_ticketcounter AS c ON c.tenant_id = t.tenant_id WHERE {_MINE} "
        "HAVING max(t.number) > COALESCE(max(c.last_number), 0)",
        (
            "INSERT INTO support_ticketcounter (tenant_id, last_number) SELECT %(tenant)s, max(number) FROM "
            "support_ticket WHERE tenant_id = %(tenant)s ON CONFLICT (tenant_id) "
            "DO UPDATE SET last_number = EXCLUDED.last_number",
        ),
        (Footprint("support_ticketcounter", "t.tenant_id", "t.tenant_id = %(tenant)s", "tenant_id"),),
    ),
    Finding(
        "event_opened",
        "a ticket has no event that it was opened",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {_MINE} AND NOT EXISTS (SELECT FROM "
        "support_ticketevent AS e WHERE e.tenant_id = t.tenant_id AND e.ticket_id = t.id AND e.kind = 'opened')",
        (
            "INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, actor_id, before, after, created_at) "
            "SELECT %(new)s, t.tenant_id, t.id, 'opened', NULL, '{}', jsonb_build_object('status', 'open', "
            f"'source', t.source), t.created_at FROM support_ticket AS t WHERE {_THESE}",
        ),
        (),
    ),
    Finding(
        "event_closed",
        "a closed ticket has no event that it was closed",
        f"SELECT t.id, '#' || t.number FROM support_ticket AS t WHERE {_MINE} AND t.status = 'closed' AND NOT EXISTS "
        "(SELECT FROM support_ticketevent AS e WHERE e.tenant_id = t.tenant_id AND e.ticket_id = t.id "
        "AND (e.kind = 'closed' OR e.kind = 'fix_undone'))",
        (
            "INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, actor_id, before, after, created_at) "
            "SELECT %(new)s, t.tenant_id, t.id, 'closed', t.closed_by_id, '{\"status\": \"open\"}', "
            f'\'{{"status": "closed"}}\', t.closed_at FROM support_ticket AS t WHERE {_THESE}',
        ),
        (),
    ),
    _dangling("ticket_delivery", "support_ticket", "delivery_id", "deliveries_delivery"),
    _dangling("ticket_assignee", "support_ticket", "assignee_id", "accounts_membership"),
    _dangling("ticket_closed_by", "support_ticket", "closed_by_id", "accounts_membership"),
    _dangling("message_sender", "conversations_message", "sender_id", "accounts_membership"),
    _dangling("delivery_order", "deliveries_delivery", "order_id", "orders_order"),
    _dangling(
        "participant_orphan", "conversations_participant", "conversation_id", "conversations_conversation", drop=True
    ),
    _dangling("tag_orphan", "support_tickettag", "tag_id", "support_tag", drop=True),
    _dangling("note_orphan", "support_ticketnote", "ticket_id", "support_ticket", drop=True),
]
